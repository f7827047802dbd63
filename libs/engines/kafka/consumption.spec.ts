import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import { settle, TestClock } from '#libs/event-sourcing/testing/test-clock';
import { Consumption } from './consumption.js';
import { encode } from './record.js';

const job = (id: string, over: Partial<Job> = {}): Job => ({ topic: 't', stream: `s-${id}`, id, lane: 'sms', ...over });

let clock: TestClock;
let consumption: Consumption;
let stop: AbortController;
let ended: Promise<void>;
/** ids in the order in which they were handed over */
let given: string[];
/** what the handler of an id answers; without one it hangs */
let answers: Map<string, PromiseWithResolvers<Handled>>;

beforeEach(() => {
  clock = new TestClock();
  given = [];
  answers = new Map();
  stop = new AbortController();
  consumption = new Consumption('t', (j) => {
    given.push(j.id);
    const answer = Promise.withResolvers<Handled>();
    answers.set(j.id, answer);
    return answer.promise;
  }, clock, () => undefined);
  ended = consumption.run({ concurrency: 20, signal: stop.signal });
  consumption.assign([0, 1]);
});

/** What a fetch brings: jobs at ascending offsets. */
const fetch = (partition: number, first: number, ...jobs: Job[]): void => {
  const messages = jobs.map((j, i) => ({ offset: String(first + i), ...encode(j, 't') }));
  consumption.take({ partition, messages, lastOffset: () => String(first + jobs.length - 1) });
};
const answer = async (id: string, handled: Handled | Error): Promise<void> => {
  const { resolve, reject } = answers.get(id)!;
  if (handled instanceof Error) reject(handled); else resolve(handled);
  await settle();
};
const due = (partition: number): number | null => consumption.partitions.find((p) => p.partition === partition)!.due();
const later = (ms: number): Handled => ({ later: new Date(clock.now().getTime() + ms).toISOString() });

describe('what a consumer has fetched', () => {
  it('is committed up to the lowest that is unfinished, whatever is done above it', async () => {
    fetch(0, 7, job('a'), job('b'), job('c'));
    await settle();
    expect(due(0)).toBe(7);
    await answer('b', 'done');
    await answer('c', 'drop');
    expect(due(0)).toBe(7);
    await answer('a', 'done');
    expect(due(0)).toBe(10);
    consumption.partitions[0]!.committed(10);
    expect(due(0)).toBeNull();
  });

  it('counts for nothing once the partition may be another\'s: neither what is finished then, nor what still waits', async () => {
    fetch(0, 0, job('runs', { stream: 's' }), job('waits', { stream: 's' }));
    await settle();
    consumption.assign([0]);
    await answer('runs', 'done');
    expect(given).toEqual(['runs']);
    expect(due(0)).toBeNull();
    expect(consumption.unfinished).toBe(0);
  });

  it('that is fetched again while its handler runs or it waits is not handed over twice, and is committed when it is done', async () => {
    fetch(0, 4, job('runs', { stream: 's' }), job('waits', { stream: 's' }));
    await settle();
    consumption.assign([0]);
    fetch(0, 4, job('runs', { stream: 's' }), job('waits', { stream: 's' }));
    await settle();
    await answer('runs', 'done');
    await answer('waits', 'done');
    expect(given).toEqual(['runs', 'waits']);
    expect(due(0)).toBe(6);
  });

  it('that was put twice is handed over once where it waits, and once more where it runs; only the same job of the same stream is the same', async () => {
    fetch(0, 0, job('first', { stream: 's' }), job('twice', { stream: 's' }), job('twice', { stream: 's' }), job('twice', { stream: 'other' }));
    await settle();
    await answer('first', 'done');
    await answer('twice', 'done');
    expect(given.toSorted()).toEqual(['first', 'twice', 'twice']); // one of each stream
    fetch(0, 4, job('first', { stream: 's2' }));
    await settle();
    fetch(0, 5, job('first', { stream: 's2' }));
    await answer('first', 'done');
    expect(given).toHaveLength(5);
  });

  it('is one job by its stream and id together, also where the names are chosen to look alike', async () => {
    fetch(0, 0, job('a', { stream: 'b c' }), job('c a', { stream: 'b' }), job('a', { stream: '3 b' }));
    await settle();
    expect(given).toHaveLength(3);
  });

  it('keeps its offset while it is put off for a moment, and is given again', async () => {
    fetch(0, 0, job('a'));
    await settle();
    await answer('a', later(9_000));
    expect(due(0)).toBeNull();
    expect(consumption.unfinished).toBe(1);
    await clock.advance(9_000);
    expect(given).toEqual(['a', 'a']);
    await answer('a', 'done');
    expect(due(0)).toBe(1);
  });

  it('does not hold up the commit when it is put off for long, and is given again all the same, also when the partition has gone', async () => {
    fetch(0, 0, job('a'), job('b'));
    await settle();
    await answer('b', 'done');
    await answer('a', later(3_600_000));
    expect(due(0)).toBe(2);
    consumption.assign([1]);
    await clock.advance(3_600_000);
    expect(given).toEqual(['a', 'b', 'a']);
    await answer('a', 'done');
    expect(consumption.unfinished).toBe(0);
  });

  it('is given again after an error, more and more slowly, and stops holding up the commit after a while', async () => {
    fetch(0, 0, job('a'));
    await settle();
    for (let i = 0; i < 20 && due(0) === null; i++) {
      await answer('a', new Error('no'));
      await clock.advance(40_000);
    }
    expect(due(0)).toBe(1);
    const before = given.length;
    await answer('a', new Error('still no'));
    await clock.advance(40_000);
    expect(given).toHaveLength(before + 1);
  });

  it('names what holds no job, which stays unfinished until it is laid aside, and ignores what an earlier assignment brought', async () => {
    const taken = consumption.take({ partition: 1, messages: [{ offset: '3', key: null, value: Buffer.from('x') }], lastOffset: () => '3' });
    expect(taken?.foreign.map((f) => f.reason)).toEqual(['not JSON']);
    expect(due(1)).toBe(3);
    taken?.offsets.finish(3);
    expect(due(1)).toBe(4);
    expect(consumption.take({ partition: 9, messages: [], lastOffset: () => '0' })).toBeNull();
  });

  it('leaves no timer when it ends', async () => {
    fetch(0, 0, job('a'));
    await settle();
    stop.abort();
    await answer('a', later(3_600_000));
    await ended;
    await clock.advance(3_600_000);
    expect(given).toEqual(['a']);
  });
});
