import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Handled } from '#libs/event-sourcing/process';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import { TestClock, settle } from '#libs/event-sourcing/testing/test-clock';
import { MemoryWorkQueue } from './work-queue.js';

let clock: TestClock;
let queue: MemoryWorkQueue;
let taken: string[];
let stop: AbortController;
beforeEach(() => {
  clock = new TestClock();
  queue = new MemoryWorkQueue(clock);
  taken = [];
  stop = new AbortController();
});

const job = (id: string, over: Partial<Job> = {}): Job => ({ topic: 't', stream: `s-${id}`, id, lane: 'sms', ...over });
const consume = (concurrency: number, handle: (job: Job) => Promise<Handled> = () => Promise.resolve('done')): Promise<void> =>
  queue.consume('t', (j) => { taken.push(j.id); return handle(j); }, { concurrency, signal: stop.signal });
const inMs = (ms: number): string => new Date(clock.now().getTime() + ms).toISOString();

describe('the queue in memory', () => {
  it('does not take a job twice that already waits, and takes it again while it runs', async () => {
    await queue.put([job('a'), job('a'), job('b')]);
    await queue.put([job('a')]);
    let first = true;
    void consume(1, async (j) => {
      if (j.id === 'a' && first) { first = false; await queue.put([job('a')]); }
      return 'done';
    });
    await settle();
    expect(taken.toSorted()).toEqual(['a', 'a', 'b']);
  });

  it('gives a job again at the moment that was asked for, however far, and not before', async () => {
    const far = 40 * 24 * 3600 * 1000; // farther than a timer of Node reaches
    const moments: Record<string, string> = { soon: inMs(1500), far: inMs(far), past: inMs(-5) };
    const seen = new Set<string>();
    void consume(5, (j) => {
      const again = !seen.has(j.id);
      seen.add(j.id);
      return Promise.resolve(again ? { later: moments[j.id]! } : 'done');
    });
    await queue.put([job('soon'), job('far'), job('past')]);
    await clock.advance(0);
    expect(taken).toEqual(['soon', 'far', 'past', 'past']);
    await clock.advance(1499);
    expect(taken).toHaveLength(4);
    await clock.advance(1);
    expect(taken.at(-1)).toBe('soon');
    await clock.advance(far - 1501);
    expect(taken).toHaveLength(5);
    await clock.advance(1);
    expect(taken.at(-1)).toBe('far');
  });

  it('takes a job that was put off at once when it is put again, and only once', async () => {
    let times = 0;
    void consume(1, () => Promise.resolve(++times === 1 ? { later: inMs(60_000) } : 'done'));
    await queue.put([job('a')]);
    await settle();
    await queue.put([job('a')]);
    await settle();
    await clock.advance(120_000);
    expect(taken).toEqual(['a', 'a']);
  });

  it('waits longer after each error, up to half a minute', async () => {
    const at: number[] = [];
    void consume(1, () => { at.push(clock.monotonic()); return Promise.reject(new Error('no')); });
    await queue.put([job('a')]);
    await clock.advance(150_000);
    expect(at.map((t, i) => t - (at[i - 1] ?? 0)).slice(1)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('lets the lanes take turns', async () => {
    await queue.put(['a1', 'a2', 'a3'].map((id) => job(id, { lane: 'a' })));
    await queue.put([job('b1', { lane: 'b' }), job('c1', { lane: 'c' }), job('b2', { lane: 'b' })]);
    void consume(1);
    await settle();
    expect(taken).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('leaves places free, so that a third and a fourth lane get theirs while two hang', async () => {
    void consume(20, (j) => (j.lane.startsWith('hung') ? new Promise(() => undefined) : Promise.resolve('done')));
    await queue.put(Array.from({ length: 100 }, (_, i) => job(`h${i}`, { lane: `hung${i % 2}` })));
    await queue.put(Array.from({ length: 50 }, (_, i) => job(`w${i}`, { lane: `well${i % 3}` })));
    await settle();
    expect(taken.filter((id) => id.startsWith('w'))).toHaveLength(50);
    expect(taken.filter((id) => id.startsWith('h')).length).toBeGreaterThanOrEqual(15);
  });

  it('lets a job that was put off give way to the others of its stream', async () => {
    void consume(4, (j) => Promise.resolve(j.id === 'a' && clock.monotonic() === 0 ? { later: inMs(1000) } : 'done'));
    await queue.put([job('a', { stream: 's' }), job('b', { stream: 's' })]);
    await settle();
    expect(taken).toEqual(['a', 'b']);
    await clock.advance(1000);
    expect(taken).toEqual(['a', 'b', 'a']);
  });
});
