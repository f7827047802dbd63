import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { VersionConflict } from '../errors.js';
import type { EventStore } from '../ports/event-store.js';
import { newEvent, newStream, readOut } from './sample-events.js';

/** An append as the model sees it: on one of a few streams, at a distance from its end; or an earlier one once more. */
type Step = { stream: number; off: number; count: number } | { again: number };
interface Call { stream: string; expected: number; ids: string[] }
type Log = Map<string, string[]>;
type Outcome = number | 'conflict';

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ stream: fc.nat(2), off: fc.constantFrom(0, 0, 0, -1, 1), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ again: fc.nat(50) }) },
);

/** The whole contract of an append, in a few lines. */
function apply(log: Log, { stream, expected, ids }: Call): [Log, Outcome] {
  const there = log.get(stream) ?? [];
  if (expected === there.length - 1) return [new Map(log).set(stream, [...there, ...ids]), expected + ids.length];
  const same = expected >= -1 && ids.every((id, i) => there[expected + 1 + i] === id);
  return [log, same ? expected + ids.length : 'conflict'];
}

const outcomeOf = (call: Call, store: EventStore): Promise<Outcome> =>
  store.append(call.stream, call.expected, call.ids.map((id) => newEvent({}, { id }))).then((a) => a.revision, (e: unknown) => {
    if (e instanceof VersionConflict) return 'conflict' as const;
    throw e;
  });

/** Two writers at once, at random: their answers, and what the log then holds, are those of a plain model in one order or the other. */
export function eventStoreModel(store: () => EventStore): void {
  it('does what a plain model does, whatever two writers do at once', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(step, step), { minLength: 1, maxLength: 12 }), async (rounds) => {
      const category = `model${newStream('')}`;
      const start = await store().head();
      const done: Call[] = [];
      let log: Log = new Map();
      const callOf = (s: Step): Call => {
        if ('again' in s && done.length > 0) return done[s.again % done.length]!;
        const { stream, off, count } = 'again' in s ? { stream: 0, off: 0, count: 1 } : s;
        const name = `${category}-${stream}`;
        return { stream: name, expected: Math.max(-1, (log.get(name)?.length ?? 0) - 1 + off), ids: Array.from({ length: count }, () => newEvent().id) };
      };
      for (const [one, two] of rounds) {
        const a = callOf(one);
        const b = callOf(two);
        const answers = await Promise.all([outcomeOf(a, store()), outcomeOf(b, store())]);
        const [afterA, a1] = apply(log, a);
        const [ab, b2] = apply(afterA, b);
        const [afterB, b1] = apply(log, b);
        const [ba, a2] = apply(afterB, a);
        const inOrder = answers[0] === a1 && answers[1] === b2;
        if (!inOrder) expect(answers).toEqual([a2, b1]);
        // where both orders give these answers, what is stored tells which it was
        const first = (await store().read(a.stream, 0, 1000)).map((e) => e.id);
        log = inOrder && JSON.stringify(ab.get(a.stream) ?? []) === JSON.stringify(first) ? ab : ba;
        done.push(a, b);
      }
      for (const [stream, ids] of log) expect((await store().read(stream, 0, 1000)).map((e) => e.id)).toEqual(ids);
      const all = await readOut(store(), start, [`${category}-`]);
      expect(all.map((e) => e.id).toSorted()).toEqual([...log.values()].flat().toSorted());
      for (const [stream] of log) expect(all.filter((e) => e.stream === stream).map((e) => e.revision)).toEqual(log.get(stream)!.map((_, i) => i));
    }), { numRuns: 25 });
  });
}
