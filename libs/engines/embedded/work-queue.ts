import type { Job, WorkQueue } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import type { Clock } from '#libs/event-sourcing/running/clock';

type Handler = (job: Job) => Promise<Handled>;

const FIRST_BACK_OFF_MS = 250;
const LAST_BACK_OFF_MS = 30_000;
const LONGEST_TIMER_MS = 3_600_000;
/** a lane runs at most this many times the free places, so that some always stay free for lanes with nothing running */
const GREED = 4;

/**
 * Jobs in memory. Lanes take turns. The jobs of one stream are handed out one after the other, in the order of `put`;
 * a job that was put off (`later`, an error) gives way to the others of its stream. A job already waiting is not put again.
 */
export class MemoryWorkQueue implements WorkQueue {
  readonly #topics = new Map<string, Topic>();

  constructor(readonly clock: Clock) {}

  put(jobs: readonly Job[]): Promise<void> {
    const touched = new Set<Topic>();
    for (const job of jobs) {
      const topic = this.#topic(job.topic);
      topic.put(job);
      touched.add(topic);
    }
    for (const topic of touched) topic.offer();
    return Promise.resolve();
  }

  consume(topic: string, handler: Handler, options: { concurrency: number; signal: AbortSignal }): Promise<void> {
    return this.#topic(topic).consume(handler, options.concurrency, options.signal);
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (!topic) this.#topics.set(name, topic = new Topic(this.clock));
    return topic;
  }
}

interface Consumer { handler: Handler; concurrency: number; running: number; lanes: Map<string, number>; stopped: boolean; done: () => void }

class Topic {
  /** ids that wait: ready, behind another of their stream, or put off (then with what calls the timer off) */
  readonly #waiting = new Map<string, (() => void) | null>();
  /** the jobs of each stream that has any, in order; the first is ready or running */
  readonly #streams = new Map<string, Job[]>();
  /** ready jobs by lane; the map's order is whose turn it is */
  readonly #lanes = new Map<string, Job[]>();
  readonly #tries = new Map<string, number>();
  readonly #consumers = new Set<Consumer>();

  constructor(readonly clock: Clock) {}

  put(job: Job): void {
    const putOff = this.#waiting.get(job.id);
    if (putOff === null) return;
    putOff?.(); // whoever puts it says that it is due now
    this.#waiting.set(job.id, null);
    const stream = this.#streams.get(job.stream);
    if (stream) stream.push(job);
    else {
      this.#streams.set(job.stream, [job]);
      this.#ready(job);
    }
  }

  consume(handler: Handler, concurrency: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const consumer: Consumer = { handler, concurrency, running: 0, lanes: new Map(), stopped: signal.aborted, done: resolve };
      if (signal.aborted) return resolve();
      const stop = (): void => {
        consumer.stopped = true;
        this.#consumers.delete(consumer);
        if (consumer.running === 0) resolve();
      };
      signal.addEventListener('abort', stop, { once: true });
      this.#consumers.add(consumer);
      this.offer();
    });
  }

  /** Hands out what is ready to whoever has a place for it. */
  offer(): void {
    for (const consumer of this.#consumers) {
      for (let job = this.#next(consumer); job; job = this.#next(consumer)) void this.#run(consumer, job);
    }
  }

  #next(c: Consumer): Job | null {
    const free = c.concurrency - c.running;
    if (free < 1) return null;
    for (const [lane, jobs] of this.#lanes) {
      const own = c.lanes.get(lane) ?? 0;
      if (own > 0 && (free < 2 || own >= GREED * free)) continue;
      const job = jobs.shift()!;
      this.#lanes.delete(lane);
      if (jobs.length > 0) this.#lanes.set(lane, jobs); // to the end: the others' turn
      return job;
    }
    return null;
  }

  async #run(c: Consumer, job: Job): Promise<void> {
    this.#waiting.delete(job.id);
    c.running++;
    c.lanes.set(job.lane, (c.lanes.get(job.lane) ?? 0) + 1);
    let again: number | null = null;
    try {
      const handled = await c.handler(job);
      this.#tries.delete(job.id);
      if (typeof handled === 'object') again = Math.max(0, Date.parse(handled.later) - this.clock.now().getTime());
    } catch {
      const tries = this.#tries.get(job.id) ?? 0;
      this.#tries.set(job.id, tries + 1);
      again = Math.min(LAST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** tries);
    }
    c.running--;
    const own = c.lanes.get(job.lane)! - 1;
    if (own === 0) c.lanes.delete(job.lane);
    else c.lanes.set(job.lane, own);
    this.#release(job);
    if (again !== null && !this.#waiting.has(job.id)) this.#putOff(job, again);
    this.offer();
    if (c.stopped && c.running === 0) c.done();
  }

  #putOff(job: Job, ms: number): void {
    const wait = Math.min(ms, LONGEST_TIMER_MS);
    const off = this.clock.after(wait, () => {
      this.#waiting.delete(job.id);
      if (ms > wait) return this.#putOff(job, ms - wait);
      this.put(job);
      this.offer();
    });
    this.#waiting.set(job.id, off);
  }

  /** The stream's next job becomes ready. */
  #release(job: Job): void {
    const stream = this.#streams.get(job.stream)!;
    stream.shift();
    if (stream.length > 0) this.#ready(stream[0]!);
    else this.#streams.delete(job.stream);
  }

  #ready(job: Job): void {
    const lane = this.#lanes.get(job.lane);
    if (lane) lane.push(job);
    else this.#lanes.set(job.lane, [job]);
  }
}
