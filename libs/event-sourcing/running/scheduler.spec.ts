import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Job, WorkQueue } from '../ports/work-queue.js';
import type { Due } from '../process.js';
import { OPEN_LANE } from '../testing/example.js';
import { settle, TestClock } from '../testing/test-clock.js';
import { Scheduler, type LaneSettings } from './scheduler.js';

const START = Date.parse('2030-01-01T00:00:00.000Z');
const at = (ms: number): string => new Date(START + ms).toISOString();
const lane = (over: Partial<LaneSettings> = {}): LaneSettings => ({ ...OPEN_LANE, ...over });
const CIRCUIT = { failures: 3, windowMs: 30_000, windowCalls: 20, windowShare: 0.5, probeMs: 30_000 };

/** A scheduler over a queue that only keeps what it is given. */
function rig(lanes: Record<string, LaneSettings> = {}, opened = true) {
  const clock = new TestClock(), handed: { id: string; at: number }[] = [];
  const fail = { next: 0 };
  const queue: WorkQueue = {
    put: (jobs: readonly Job[]) => {
      if (fail.next > 0) { fail.next--; return Promise.reject(new Error('the queue is away')); }
      for (const j of jobs) handed.push({ id: j.id, at: clock.monotonic() });
      return Promise.resolve();
    },
    consume: () => Promise.resolve(),
  };
  const scheduler = new Scheduler(queue, clock, (l) => lanes[l] ?? lane());
  if (opened) scheduler.open();
  const due = (id: string, dueMs = 0, over: Partial<Due> = {}): Due => ({ topic: 't', lane: 'l', id, dueAt: at(dueMs), ...over });
  const offer = (id: string, dueMs = 0, over: Partial<Due> = {}): void => scheduler.offer(`s-${id}`, due(id, dueMs, over));
  return { clock, handed, fail, scheduler, due, offer, done: (id: string) => scheduler.offer(`s-${id}`, null), ids: () => handed.map((h) => h.id) };
}

describe('what is due', () => {
  it('is handed over when it is due, in that order, once', async () => {
    const { offer, ids, handed, clock } = rig({ l: lane() });
    await clock.advance(1_000); // the bucket of the lane fills from its first sight on
    for (const [id, ms] of [['c', 9_000], ['a', 3_000], ['d', 2_000], ['b', 9_000]] as const) offer(id, ms);
    await clock.advance(1_500);
    expect(ids()).toEqual(['d']);
    await clock.advance(20_000);
    expect(ids().slice(0, 2)).toEqual(['d', 'a']);
    expect(ids().toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(handed.map((h) => Math.floor(h.at / 1000))).toEqual([2, 3, 9, 9]);
  });

  it('is not handed over before the start has filled it, nor after the end', async () => {
    const { offer, ids, scheduler, clock } = rig({}, false);
    offer('a', 0, { lane: '' });
    await clock.advance(10_000);
    expect(ids()).toEqual([]);
    scheduler.open();
    expect(ids()).toEqual(['a']);
    scheduler.close();
    offer('b', 0, { lane: '' });
    await clock.advance(10_000);
    expect(ids()).toEqual(['a']);
  });

  it('falls away when its stream has nothing more to do, or something else', async () => {
    const { offer, done, ids, clock, scheduler, due } = rig();
    offer('a', 5_000, { lane: '' }); offer('b', 5_000, { lane: '' });
    done('a');
    scheduler.offer('s-b', due('b2', 7_000, { lane: '' }));
    await clock.advance(6_000);
    expect(ids()).toEqual([]);
    await clock.advance(2_000);
    expect([ids(), scheduler.size]).toEqual([['b2'], 1]);
  });

  it('is handed over again when its lane or its time changed, and not when the same is offered again', async () => {
    const { offer, ids, clock } = rig();
    offer('a', 0, { lane: '' }); await settle(); offer('a', 0, { lane: '' }); await settle();
    expect(ids()).toEqual(['a']);
    offer('a', 0, { lane: 'other' });
    await clock.advance(10);
    expect(ids()).toEqual(['a', 'a']);
  });

  it('and not answered by an event is handed over again after 30 s, however often it takes', async () => {
    const { offer, done, ids, clock, scheduler } = rig({ l: lane({ concurrency: 1 }) });
    offer('a');
    await clock.advance(10);
    await clock.advance(29_980); scheduler.sweep();
    expect(ids()).toEqual(['a']);
    await clock.advance(20); scheduler.sweep();
    await clock.advance(10);
    expect(ids()).toEqual(['a', 'a']);
    await clock.advance(30_000); scheduler.sweep(); await clock.advance(10);
    expect(ids()).toEqual(['a', 'a', 'a']);
    done('a');
    await clock.advance(60_000); scheduler.sweep(); await clock.advance(10);
    expect(ids()).toHaveLength(3);
  });

  it('is offered again, once a second, while the queue does not take it; others do not wait for that', async () => {
    const { offer, done, ids, clock, fail } = rig();
    fail.next = 2;
    for (const id of ['a', 'gone']) offer(id, 0, { lane: '' });
    await clock.advance(1_500);
    expect([fail.next, ids()]).toEqual([0, []]);
    offer('b', 0, { lane: '' });
    done('gone');
    await clock.advance(10);
    expect(ids()).toEqual(['b']);
    await clock.advance(1_000);
    expect(ids()).toEqual(['b', 'a']);
  });

  it('goes when its stream says that nothing is due, and takes no place of its lane any more', async () => {
    const { offer, scheduler, clock, ids, due } = rig({ l: lane({ concurrency: 1 }) });
    const truth = new Map<string, Due | null>([['s-ghost', null], ['s-live', due('live')]]);
    scheduler.asks = (stream) => Promise.resolve(truth.get(stream)!);
    await clock.advance(1_000);
    offer('ghost');
    offer('live', 1);
    await clock.advance(20_000);
    expect(ids()).toEqual(['ghost']);
    await clock.advance(10_001);
    scheduler.sweep();
    await clock.advance(1_000);
    expect(ids()).toEqual(['ghost', 'live']);
    expect(scheduler.size).toBe(1);
  });

  it('is found by the next sweep when the wall clock was stepped', async () => {
    const { offer, ids, clock, scheduler } = rig();
    offer('a', 3_600_000, { lane: '' });
    await settle();
    clock.step(3_600_000);
    scheduler.sweep();
    expect(ids()).toEqual(['a']);
  });
});

describe('a lane', () => {
  it('starts with an empty bucket and hands over at its rate', async () => {
    const { offer, handed, clock } = rig({ l: lane({ rate: 10 }) });
    for (let i = 0; i < 50; i++) offer(`${i}`);
    await settle();
    expect(handed).toEqual([]);
    await clock.advance(1_000);
    expect(handed.length).toBe(10);
    await clock.advance(2_500);
    expect(handed.length).toBe(35);
    expect(handed.every((h, i) => h.at >= (i + 1) * 100 - 1e-6)).toBe(true);
  });

  it('slower than one a second hands over at that, and one that stood idle saves up one second at most', async () => {
    const { offer, handed, clock } = rig({ slow: lane({ rate: 0.25 }), quick: lane({ rate: 20 }) });
    for (let i = 0; i < 3; i++) offer(`s${i}`, 0, { lane: 'slow' });
    await clock.advance(12_100);
    expect(handed.map((h) => Math.round(h.at / 1000))).toEqual([4, 8, 12]);
    handed.length = 0;
    offer('first', 0, { lane: 'quick' });
    await clock.advance(60_000);
    for (let i = 0; i < 100; i++) offer(`q${i}`, 0, { lane: 'quick' });
    await settle();
    expect(handed.length).toBeLessThanOrEqual(21);
  });

  it('has at most so many under way, until one is settled', async () => {
    const { offer, done, ids, clock, scheduler } = rig({ l: lane({ concurrency: 3 }) });
    for (let i = 0; i < 10; i++) offer(`${i}`);
    await clock.advance(1_000);
    expect(ids()).toHaveLength(3);
    const [first, second] = ids() as [string, string];
    done(first);
    await clock.advance(10);
    expect(ids()).toHaveLength(4);
    // an attempt that has begun still has its place: its settling holds it
    scheduler.offer(`s-${second}`, { topic: 'checks', lane: '', id: `${second}/settle`, dueAt: at(60_000), holds: 'l' });
    await clock.advance(1_000);
    expect(ids()).toHaveLength(4);
    expect(scheduler.lanes()).toMatchObject([{ lane: 'l', running: 3 }]);
    done(second);
    await clock.advance(10);
    expect(ids()).toHaveLength(5);
  });

  it('never waits for another: full, slow or open ones hold nobody up', async () => {
    const { offer, ids, scheduler, clock } = rig({ full: lane({ concurrency: 1 }), slow: lane({ rate: 0.001 }), open: lane({ circuit: CIRCUIT }) });
    for (let i = 0; i < 3; i++) scheduler.health('open', false);
    for (let i = 0; i < 20; i++) for (const l of ['full', 'slow', 'open', 'well']) offer(`${l}${i}`, 0, { lane: l });
    await clock.advance(1_000);
    const of = (l: string): number => ids().filter((id) => id.startsWith(l)).length;
    expect({ full: of('full'), slow: of('slow'), open: of('open'), well: of('well') }).toEqual({ full: 1, slow: 0, open: 0, well: 20 });
  });

  it('holds back neither settlings nor run steps', async () => {
    const { offer, ids, clock, scheduler } = rig({ l: lane({ rate: 0.001, concurrency: 1, circuit: CIRCUIT }) });
    for (let i = 0; i < 3; i++) scheduler.health('l', false);
    for (let i = 0; i < 50; i++) offer(`settle${i}`, 1_000, { lane: '', holds: 'l' });
    await clock.advance(1_000);
    expect(ids()).toHaveLength(50);
  });

  it('is overruled by `until`: past it, a thing is handed over whatever rate, places and circuit say', async () => {
    const { offer, ids, clock, scheduler } = rig({ l: lane({ rate: 0.001, circuit: CIRCUIT }), none: lane({ concurrency: 0 }) });
    for (let i = 0; i < 3; i++) scheduler.health('l', false);
    offer('a', 0, { until: at(5_000) }); offer('b', 0, { until: at(6_000), lane: 'none' }); offer('c', 0);
    await clock.advance(4_999);
    expect(ids()).toEqual([]);
    await clock.advance(2_000);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('with an open circuit hands over one probe per interval, writes nothing off, and opens on success', async () => {
    const { offer, ids, clock, scheduler, done } = rig({ l: lane({ circuit: CIRCUIT }) });
    for (let i = 0; i < 3; i++) scheduler.health('l', false);
    for (let i = 0; i < 20; i++) offer(`${i}`);
    await clock.advance(29_000);
    expect(ids()).toEqual([]);
    for (const n of [1, 2, 3]) {
      await clock.advance(n === 1 ? 1_500 : 30_000);
      expect(ids()).toHaveLength(n);
      expect(scheduler.lanes()[0]).toMatchObject({ open: true });
      done(ids().at(-1)!);
      scheduler.health('l', false);
    }
    scheduler.health('l', true);
    await clock.advance(100);
    expect(ids()).toHaveLength(20);
    expect(scheduler.lanes()[0]).toMatchObject({ open: false, waiting: 0 });
  });
});

it('the memory of a lane does not grow with what was settled long before its time', async () => {
  const { offer, done, scheduler, clock, ids } = rig();
  for (let i = 0; i < 5_000; i++) { offer(`${i}`, 86_400_000, { until: at(2 * 86_400_000) }); done(`${i}`); }
  offer('last', 1_000);
  scheduler.sweep();
  expect(scheduler.lanes()[0]!.waiting).toBe(1);
  await clock.advance(2_000);
  expect(ids()).toEqual(['last']);
});

it('any order of offers ends with exactly the current due things handed over', async () => {
  const step = fc.record({ stream: fc.nat(5), n: fc.option(fc.nat(3), { freq: 4 }), dueMs: fc.constantFrom(0, 100, 2_000, 40_000), lane: fc.constantFrom('', 'a', 'b'), wait: fc.constantFrom(0, 0, 50, 3_000), sweep: fc.boolean() });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const { clock, scheduler, handed } = rig({ a: lane({ rate: 50 }), b: lane({ rate: 3 }) });
    const current = new Map<string, Due>();
    for (const s of steps) {
      const stream = `s-${s.stream}`;
      const due: Due | null = s.n === null ? null : { topic: 't', lane: s.lane, id: `${stream}/${s.n}/${s.dueMs}/${s.lane}`, dueAt: at(s.dueMs) };
      scheduler.offer(stream, due);
      if (due) current.set(stream, due); else current.delete(stream);
      if (s.wait) await clock.advance(s.wait);
      if (s.sweep) scheduler.sweep();
    }
    handed.splice(0);
    await clock.advance(100_000);
    for (const due of current.values()) if (!handed.some((h) => h.id === due.id)) { scheduler.sweep(); await clock.advance(30_000); break; }
    // what was current at the end came (before or after the last offer), and nothing else came after it
    const wanted = new Set([...current.values()].map((d) => d.id));
    expect(handed.every((h) => wanted.has(h.id))).toBe(true);
    expect(scheduler.size).toBe(current.size);
    await clock.advance(60_000);
    scheduler.sweep();
    await clock.advance(30_000);
    expect(new Set(handed.map((h) => h.id))).toEqual(wanted);
  }), { numRuns: 60 });
});
