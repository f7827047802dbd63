import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { KafkaEngine } from '#libs/engines/kafka/kafka';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import { until } from '../../bench/ground.js';
import { type Bare, bare, brokers, committed, engineAt, held, jobOf, newTopic, taker, type Taker } from './kafka-ground.js';

let engines: KafkaEngine[];
let takers: Taker[];
let foreign: Bare;
let topic: string;
beforeEach(async () => { engines = []; takers = []; topic = newTopic(); foreign = await bare(); });
afterEach(async () => {
  await Promise.all(takers.map((t) => t.stop()));
  await Promise.all(engines.map((e) => e.close()));
  await foreign?.close();
});

const engine = (): KafkaEngine => { const e = engineAt(brokers(), { partitions: 12 }); engines.push(e); return e; };
/** A worker of its own: an engine, as in a process of its own. */
const worker = (handle?: (job: Job) => Handled | Promise<Handled>, concurrency?: number): Taker => { const t = taker(engine(), topic, handle, concurrency); takers.push(t); return t; };
const allCommitted = (): Promise<void> => until('all is committed', async () => (await committed(foreign, topic)) === (await held(foreign, topic)), { boundMs: 30_000 });
const timesOf = (...of: Taker[]): Map<string, number> => {
  const times = new Map<string, number>();
  for (const { jobs } of of) for (const j of jobs) times.set(j.id, (times.get(j.id) ?? 0) + 1);
  return times;
};
/** A little work that lets others in between. */
const work = async (): Promise<Handled> => { await new Promise((resolve) => { setTimeout(resolve, 2); }); return 'done'; };

describe('a group of workers', () => {
  it('shares the partitions; workers that come and go in the middle of work lose no job, and hand over none more often than they came and went', async () => {
    const queue = engine().workQueue;
    const jobs: Job[] = [];
    let enough = false;
    const feeding = (async () => {
      while (!enough) {
        const some = Array.from({ length: 50 }, (_, i) => jobOf(topic, { lane: `lane${i % 5}` }));
        await queue.put(some);
        jobs.push(...some);
        await work();
      }
    })();
    const works = (t: Taker, more = 200): Promise<void> => { const before = t.jobs.length; return until('it works', () => Promise.resolve(t.jobs.length > before + more), { pauseMs: 10, boundMs: 30_000 }); };
    const first = worker(work);
    await works(first);
    const second = worker(work);
    await works(second);
    const third = worker(work);
    await works(third);
    await first.stop(); // in the middle of it
    await works(second);
    await works(third);
    enough = true;
    await feeding;
    await until('every job was handed over', () => Promise.resolve(timesOf(first, second, third).size === jobs.length), { boundMs: 45_000 });
    await allCommitted();
    const times = timesOf(first, second, third);
    const doubles = [...times.values()].filter((n) => n > 1).length;
    console.info(`${jobs.length} jobs over three rebalances: ${doubles} handed over twice; ${first.jobs.length}, ${second.jobs.length} and ${third.jobs.length} by the three`);
    expect(jobs.filter((j) => !times.has(j.id))).toEqual([]);
    expect(Math.max(...times.values())).toBeLessThanOrEqual(4); // at most once more per rebalance
  });

  it('does not commit what a worker finishes of a partition that has gone to another: that one is given it', async () => {
    const gate = Promise.withResolvers<Handled>();
    const jobs = Array.from({ length: 60 }, () => jobOf(topic));
    await engine().workQueue.put(jobs);
    const slow = worker(() => gate.promise, 60);
    await until('all are at work', () => Promise.resolve(slow.jobs.length > 0 && slow.ids().size >= 40), { boundMs: 30_000 });
    const other = worker();
    await until('the other has some of the same', () => Promise.resolve(other.jobs.length > 0), { boundMs: 30_000 });
    const before = await committed(foreign, topic);
    gate.resolve('done');
    await allCommitted();
    expect(before).toBeLessThan(jobs.length);
    expect(timesOf(slow, other).size).toBe(jobs.length);
  });

  it('hands over the jobs of a partition although one of them hangs, and commits no further than that one', async () => {
    const gate = Promise.withResolvers<Handled>();
    const one = engineAt(brokers(), { partitions: 1 });
    engines.push(one);
    const hung = jobOf(topic, { lane: 'hung' });
    await one.workQueue.put([jobOf(topic), hung]);
    const t = taker(one, topic, (job) => (job.lane === 'hung' ? gate.promise : 'done'), 4);
    takers.push(t);
    const others = Array.from({ length: 3_000 }, () => jobOf(topic));
    await one.workQueue.put(others);
    await t.has(others.map((j) => j.id));
    await until('what lies before the hung one is committed', async () => (await committed(foreign, topic)) === 1, { boundMs: 20_000 });
    gate.resolve('done');
    await allCommitted();
  });

  it('fetches no more than it can hold when its handlers hang, keeps its place in the group, and goes on afterwards', async () => {
    const gate = Promise.withResolvers<Handled>();
    const jobs = Array.from({ length: 12_000 }, () => jobOf(topic));
    await engine().workQueue.put(jobs);
    const t = worker(() => gate.promise, 4);
    await until('handlers hang', () => Promise.resolve(t.jobs.length > 0), { boundMs: 20_000 });
    gate.resolve('done');
    await t.has(jobs.map((j) => j.id));
    await allCommitted();
    expect(t.jobs).toHaveLength(jobs.length);
  });
});
