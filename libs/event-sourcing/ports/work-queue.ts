import type { Handled } from '../process.js';

/** A hint that something is due: ids only. Whoever takes it asks the stream again before acting. */
export interface Job {
  topic: string;
  /** the stream it is for; jobs of one stream stay in order */
  stream: string;
  id: string;
  lane: string;
}

/** Hands jobs to workers at least once. May lose everything: what is due is in the log. Contract: `testing/work-queue.contract.ts`. */
export interface WorkQueue {
  /** Resolves when the jobs are accepted for delivery. */
  put(jobs: readonly Job[]): Promise<void>;
  /**
   * Calls the handler, at most `concurrency` at a time in all and no lane more than its share; `later` and a thrown
   * error give the job again. Stops taking when the signal aborts and resolves when the last handler has answered.
   */
  consume(topic: string, handler: (job: Job) => Promise<Handled>, options: { concurrency: number; signal: AbortSignal }): Promise<void>;
}
