import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Handled } from '../process.js';
import type { Job, WorkQueue } from '../ports/work-queue.js';

/** What every queue of hints holds to. A topic may be shared: each test uses its own. */
export function workQueueContract(engine: string, open: () => Promise<{ queue: WorkQueue; close(): Promise<void> }>): void {
  describe(`${engine}: the work queue's contract`, () => {
    let queue: WorkQueue;
    let close: () => Promise<void>;
    let stop: AbortController;
    let topic: string;
    let consuming: Promise<void>[];
    beforeEach(async () => {
      ({ queue, close } = await open());
      stop = new AbortController();
      topic = `topic-${randomUUID()}`;
      consuming = [];
    });
    afterEach(async () => { stop.abort(); await Promise.all(consuming); await close(); });

    const job = (over: Partial<Job> = {}): Job => ({ topic, stream: `message-${randomUUID()}`, id: randomUUID(), lane: 'sms', ...over });
    /** Consumes until aborted; `seen(n)` resolves when n jobs were handed over. */
    function consume(concurrency: number, handle: (job: Job) => Promise<Handled> = () => Promise.resolve('done')) {
      const jobs: Job[] = [];
      let waits: { n: number; resolve(): void }[] = [];
      consuming.push(queue.consume(topic, (j) => {
        jobs.push(j);
        for (const w of waits) if (jobs.length >= w.n) w.resolve();
        waits = waits.filter((w) => jobs.length < w.n);
        return handle(j);
      }, { concurrency, signal: stop.signal }));
      const seen = (n: number): Promise<void> => (jobs.length >= n ? Promise.resolve() : new Promise((resolve) => waits.push({ n, resolve })));
      return { jobs, seen };
    }

    it('hands over every job, as it was put, whether it was put before or after', async () => {
      const jobs = [job(), job({ lane: '' }), job({ lane: 'mail' }), job()];
      await queue.put(jobs.slice(0, 2));
      const got = consume(4);
      await queue.put(jobs.slice(2));
      await got.seen(4);
      expect(got.jobs.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(jobs.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
    });

    it('keeps the jobs of one stream in order, never two at a time', async () => {
      const streams = ['a', 'b', 'c'].map((s) => `${s}-${randomUUID()}`);
      const jobs = Array.from({ length: 60 }, (_, i) => job({ stream: streams[i % 3]!, lane: `lane${i % 2}` }));
      const running = new Set<string>();
      let overlapped = 0;
      const got = consume(8, async (j) => {
        if (running.has(j.stream)) overlapped++;
        running.add(j.stream);
        await new Promise(setImmediate);
        running.delete(j.stream);
        return 'done';
      });
      await queue.put(jobs);
      await got.seen(60);
      expect(overlapped).toBe(0);
      for (const s of streams) expect(got.jobs.filter((j) => j.stream === s).map((j) => j.id)).toEqual(jobs.filter((j) => j.stream === s).map((j) => j.id));
    });

    it('runs no more at a time than it may, and as many', async () => {
      let running = 0;
      let most = 0;
      const got = consume(5, async () => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        return 'done';
      });
      await queue.put(Array.from({ length: 60 }, (_, i) => job({ lane: `lane${i % 6}` })));
      await got.seen(60);
      expect(most).toBe(5);
    });

    it('lets no lane that hangs keep the others waiting', async () => {
      const hung = Promise.withResolvers<Handled>();
      const got = consume(6, (j) => (j.lane === 'hung' ? hung.promise : Promise.resolve('done')));
      await queue.put(Array.from({ length: 30 }, () => job({ lane: 'hung' })));
      await queue.put(Array.from({ length: 20 }, (_, i) => job({ lane: `well${i % 2}` })));
      const well = (): number => got.jobs.filter((j) => j.lane !== 'hung').length;
      for (let n = 1; well() < 20; n++) await got.seen(n);
      const held = got.jobs.length - 20;
      expect(held).toBeGreaterThan(0);
      expect(held).toBeLessThan(6);
      hung.resolve('done');
    });

    it('gives a job again that was put off, or whose handler threw, and not one that is done or dropped', async () => {
      const [done, dropped, later, thrown] = [job(), job(), job(), job()];
      const times = new Map<string, number>();
      const got = consume(4, async (j) => {
        const n = (times.get(j.id) ?? 0) + 1;
        times.set(j.id, n);
        if (j.id === dropped.id) return 'drop';
        if (j.id === later.id && n === 1) return { later: new Date(Date.now() + 20).toISOString() };
        if (j.id === thrown.id && n === 1) throw new Error('not this time');
        return 'done';
      });
      await queue.put([done, dropped, later, thrown]);
      while ((times.get(later.id) ?? 0) < 2 || (times.get(thrown.id) ?? 0) < 2) await got.seen(got.jobs.length + 1);
      expect(times.get(done.id)).toBe(1);
      expect(times.get(dropped.id)).toBe(1);
    });

    it('stops taking when it is aborted, and resolves when the last handler has answered', async () => {
      const gate = Promise.withResolvers<Handled>();
      const got = consume(2, () => gate.promise);
      await queue.put(Array.from({ length: 5 }, (_, i) => job({ lane: `lane${i}` })));
      await got.seen(2);
      let ended = false;
      const end = consuming[0]!.then(() => { ended = true; });
      stop.abort();
      await new Promise(setImmediate);
      expect(ended).toBe(false);
      gate.resolve('done');
      await end;
      expect(got.jobs).toHaveLength(2);
    });

    it('gives what one consumer left to the next', async () => {
      stop.abort();
      const jobs = [job(), job()];
      await queue.put(jobs);
      const before = consume(2);
      await Promise.all(consuming);
      expect(before.jobs).toEqual([]);
      stop = new AbortController();
      const got = consume(2);
      await got.seen(2);
      expect(got.jobs.map((j) => j.id).toSorted()).toEqual(jobs.map((j) => j.id).toSorted());
    });
  });
}
