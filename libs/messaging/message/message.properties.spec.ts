import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stateOf, type StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import { storedAs } from '#libs/event-sourcing/testing/given';
import { accept, at, cancel, NO, record, recordNotMade, settle, start, TEMPORARY, UNKNOWN, YES, type MessageEvent } from '../testing/message-life.js';
import { delivery } from './delivery.process.js';
import { message, type AttemptResult, type Message } from './message.decider.js';
import type { MessageEvents } from './message.events.js';

/** product.md, "Delivery states": from → to; what stays where it is, is always allowed. */
const EDGES: Record<string, readonly string[]> = {
  new: ['queued'],
  queued: ['sending', 'cancelled', 'expired', 'dead'],
  sending: ['sent', 'failed', 'retrying', 'unknown'],
  retrying: ['sending', 'sent', 'failed', 'dead', 'expired', 'cancelled'],
  unknown: ['sent', 'failed', 'retrying', 'cancelled'],
  sent: [], failed: [], dead: [], expired: [], cancelled: [],
};
const FINAL = ['sent', 'failed', 'dead', 'expired', 'cancelled'];
const RESULTS: AttemptResult[] = [YES, TEMPORARY, NO, UNKNOWN, { ...TEMPORARY, retryAfterMs: 90_000 }];

interface Step { wait: number; kind: string; back: number; result: AttemptResult }
/** A command about the attempt that is next, under way or past (`back`), after some time. */
const step: fc.Arbitrary<Step> = fc.record({
  wait: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 60 }) }, { weight: 1, arbitrary: fc.integer({ min: 60, max: 100_000 }) }),
  kind: fc.constantFrom('accept', 'start', 'start', 'start', 'record', 'record', 'record', 'notMade', 'settle', 'cancel'),
  back: fc.constantFrom(0, 0, 0, 1, 2, -1), result: fc.constantFrom(...RESULTS),
});
const terms = fc.record({
  onUnknown: fc.constantFrom('retry' as const, 'hold' as const), sendAt: fc.constantFrom(null, at(100)), expiresAt: fc.constantFrom(null, null, at(400)),
  policy: fc.record({ kind: fc.constant('constant' as const), everyMs: fc.integer({ min: 0, max: 60_000 }), attempts: fc.integer({ min: 1, max: 5 }), spanMs: fc.integer({ min: 1_000, max: 3_600_000 }), jitter: fc.constantFrom(0, 0.2) }),
});

const commandOf = ({ kind, back, result }: Step, m: Message, over: object): StreamCommand => {
  const n = m.attempts - back;
  switch (kind) {
    case 'accept': return accept(over);
    case 'start': return start(n + 1);
    case 'record': return record(n, result);
    case 'notMade': return recordNotMade(n);
    case 'settle': return settle(n);
    default: return cancel();
  }
};
type Decide = Record<string, (m: Message, data: object, now: string, id: string) => MessageEvent[]>;
const decide = (m: Message, command: StreamCommand, now: string): MessageEvent[] => {
  try { return (message.decide as unknown as Decide)[command.constructor.name]!(m, command.data, now, command.id); }
  catch (error) { if (error instanceof Refusal) return []; throw error; }
};
const METADATA = { correlationId: 'c', causationId: 'c', principal: 'p', at: '' };

/** Decides and folds each step, telling of every event and of every state between. */
function live(over: object, steps: readonly Step[], tell: { event?(before: Message, e: MessageEvent, after: Message): void; state?(m: Message, now: string): void; decided?(before: Message, c: StreamCommand, events: MessageEvent[], after: Message, now: string): void }): Message {
  let m = message.initial, seconds = 0, revision = 0;
  for (const s of [{ wait: 0, kind: 'accept', back: 0, result: YES }, ...steps]) {
    seconds += s.wait;
    const before = m, command = commandOf(s, m, over), events = decide(m, command, at(seconds));
    for (const e of events) {
      const was = m;
      const stored = JSON.parse(JSON.stringify(storedAs(message, e, revision, 'message-1', before))) as never;
      expect(stored).toEqual(storedAs(message, e, revision, 'message-1', before));
      expect(message.evolve).toHaveProperty(e.type);
      m = stateOf<Message, MessageEvents>(message, [{ ...(stored as object), revision: revision++, metadata: METADATA }] as never, m);
      tell.event?.(was, e, m);
    }
    tell.decided?.(before, command, events, m, at(seconds));
    tell.state?.(m, at(seconds));
  }
  return m;
}
const always = (check: (over: object, steps: Step[]) => void): void => { fc.assert(fc.property(terms, fc.array(step, { maxLength: 40 }), check), { numRuns: 300 }); };
const movesIn = (e: MessageEvent): { from?: string; to?: string } => e.data as { from?: string; to?: string };

describe('whatever is asked of a message, in whatever order, at whatever time', () => {
  it('status moves along the allowed edges only, and each from is where it was', () => always((over, steps) => {
    live(over, steps, { event: (was, e, is) => {
      if (was.status !== is.status) expect(EDGES[was.status]).toContain(is.status);
      const { from, to } = movesIn(e);
      if (e.type !== 'CancelRequested') expect(to).toBe(is.status);
      if (from !== undefined) expect(from).toBe(was.status);
    } });
  }));
  it('at most one attempt runs, they are numbered without gaps, and no more are used than the policy has', () => always((over, steps) => {
    const numbers: number[] = [];
    let running = 0;
    live(over, steps, {
      event: (was, e, is) => {
        if (e.type === 'AttemptStarted') { numbers.push(e.data.n); expect(was.running).toBeNull(); running++; }
        if (was.running && !is.running) running--;
        expect(running).toBe(is.running ? 1 : 0);
        expect(is.used).toBeGreaterThanOrEqual(0);
        expect(is.used).toBeLessThanOrEqual(is.policy.attempts);
      },
    });
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  }));
  it('something is due exactly while it is on its way or an attempt runs', () => always((over, steps) => {
    live(over, steps, { state: (m) => {
      const next = delivery.next(m, '1');
      if (m.running) expect(next!.id).toBe(`1/${m.running.n}/settle`);
      else if (m.status === 'queued' || m.status === 'retrying') expect(next).toMatchObject({ id: `1/${m.attempts + 1}`, dueAt: expect.any(String) });
      else expect(next).toBeNull();
      if (FINAL.includes(m.status)) { expect(m.dueAt).toBeNull(); expect(m.endedAt).not.toBeNull(); } else expect(m.endedAt).toBeNull();
    } });
  }));
  it('a repeat of what was just done does nothing', () => always((over, steps) => {
    live(over, steps, { decided: (before, command, events, after, now) => {
      if (before !== after) expect(decide(after, command, now).filter((e) => e.type !== 'AttemptStarted')).toEqual([]);
      expect(events.length).toBeLessThanOrEqual(2);
    } });
  }));
  it('nothing begins after a cancel was asked for, past its end, or once it was sent', () => always((over, steps) => {
    live(over, steps, { event: (was, e) => {
      if (e.type !== 'AttemptStarted') return;
      expect(was.cancelRequested).toBeNull();
      expect(was.sentAt).toBeNull();
      expect(was.expiresAt === null || e.data.startedAt < was.expiresAt).toBe(true);
      expect(Date.parse(e.data.startedAt)).toBeLessThan(Date.parse(was.sendAt) + was.policy.spanMs);
    } });
  }));
  it('owner, parent and day of acceptance never change, and the state is bounded JSON', () => always((over, steps) => {
    live({ ...over, batch: 'bat_1' }, steps, { state: (m) => {
      expect(message.tags(m)).toEqual({ owner: 'o1', parent: 'bat_1', subjects: ['sub_+15551234567'], acceptedAt: at(0) });
      expect(JSON.parse(JSON.stringify(m))).toEqual(m);
      expect(m.open.length).toBeLessThanOrEqual(16);
    } });
  }));
});
