import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Damaged, Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';

/** What a thread answers to one call: `value`, or why not. `defect` is the caller's fault, `unavailable` the disk's at the moment. */
export type Answer = { value: unknown } | { defect: string } | { unavailable: string } | { damaged: string };
type Call = { request: unknown; resolve: (value: never) => void; reject: (error: Error) => void };

const RESTART_EVERY_MS = 1000;

/** What went wrong, in the disk's own words where there are any. */
export const reasonOf = (error: unknown): string => {
  const { cause, message } = error as Error;
  return typeof cause === 'string' ? cause : message;
};

/**
 * A line to a worker thread. Everything that waits goes in one message while the thread is idle, the answers come back
 * in one. A thread that died fails what it had in hand and is started again, at most once a second.
 */
export class ThreadLink {
  #worker: Worker | null = null;
  #waiting: Call[] = [];
  #inHand: Call[] | null = null;
  #scheduled = false;
  #closing = false;
  #startedAt = -Infinity;
  #idle: (() => void)[] = [];

  /** @param file where the thread's file is, without extension: `.ts` from source, `.js` once built */
  constructor(readonly name: string, readonly file: URL, readonly data: object, readonly clock: Clock, readonly heapMb: number, readonly batch = 2000) {}

  /** Starts the thread; resolves with what it says of itself. @throws Damaged, Unavailable, Error from its start */
  async start(): Promise<unknown> {
    this.#startedAt = this.clock.monotonic();
    const source = import.meta.url.endsWith('.ts');
    const worker = new Worker(new URL(`${this.file.href}.${source ? 'ts' : 'js'}`), {
      name: this.name,
      workerData: { thread: basename(this.file.pathname), ...this.data },
      execArgv: source ? ['--conditions=source'] : [], // from source, `#libs/` leads to the sources
      resourceLimits: { maxOldGenerationSizeMb: this.heapMb, maxYoungGenerationSizeMb: 8 },
    });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    worker.once('message', (first: { ready: unknown } | { damaged: string } | { failed: string }) => {
      if ('ready' in first) {
        worker.on('message', (answers: Answer[]) => this.#answered(answers));
        resolve(first.ready);
      } else {
        reject('damaged' in first ? new Damaged(first.damaged) : new Error(first.failed));
      }
    });
    let cause: unknown;
    worker.on('error', (error) => { cause = error; });
    worker.on('exit', () => {
      reject(new Unavailable(this.name, 1000, { cause }));
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#fail(cause);
    });
    try {
      const ready = await promise;
      this.#worker = worker;
      return ready;
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  /** One call to the thread. @throws Unavailable when it died or its disk failed: the outcome is not known */
  call<T>(request: unknown): Promise<T> {
    if (this.#closing) return Promise.reject(new Unavailable(this.name));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#schedule();
    });
  }

  /** Finishes what waits, then ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#inHand || this.#waiting.length > 0) await new Promise<void>((done) => this.#idle.push(done));
    const worker = this.#worker;
    this.#worker = null;
    if (!worker) return;
    const gone = new Promise<void>((done) => worker.once('exit', () => done()));
    worker.postMessage('close');
    await gone;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inHand) return;
    this.#scheduled = true;
    queueMicrotask(() => { this.#scheduled = false; this.#send(); });
  }

  #send(): void {
    if (this.#inHand || this.#waiting.length === 0) return;
    if (!this.#worker) return this.#restart();
    this.#inHand = this.#waiting.length <= this.batch ? this.#waiting.splice(0) : this.#waiting.splice(0, this.batch);
    try {
      this.#worker.postMessage(this.#inHand.map((c) => c.request));
    } catch (error) {
      // a value that cannot be copied to a thread: the caller's defect, which nobody else waits for
      const calls = this.#inHand;
      this.#inHand = null;
      for (const call of calls) call.reject(error as Error);
      this.#send();
      this.#tellIdle();
    }
  }

  #restart(): void {
    if (this.clock.monotonic() - this.#startedAt < RESTART_EVERY_MS) return this.#fail(undefined);
    this.#startedAt = this.clock.monotonic();
    this.#inHand = []; // holds back the calls that come meanwhile
    this.start().then(
      () => { this.#inHand = null; this.#send(); },
      (cause: unknown) => this.#fail(cause),
    );
  }

  #answered(answers: Answer[]): void {
    const calls = this.#inHand ?? [];
    this.#inHand = null;
    this.#send(); // the next batch is under way while these are taken
    for (let i = 0; i < calls.length; i++) {
      const call = calls[i]!;
      const answer = answers[i]!;
      if ('value' in answer) call.resolve(answer.value as never);
      else call.reject(this.#errorOf(answer));
    }
    this.#tellIdle();
  }

  #errorOf(answer: Exclude<Answer, { value: unknown }>): Error {
    if ('defect' in answer) return new Error(answer.defect);
    return 'damaged' in answer ? new Damaged(`${this.name}: ${answer.damaged}`) : new Unavailable(this.name, 1000, { cause: answer.unavailable });
  }

  #fail(cause: unknown): void {
    const calls = [...(this.#inHand ?? []), ...this.#waiting.splice(0)];
    this.#inHand = null;
    for (const call of calls) call.reject(new Unavailable(this.name, RESTART_EVERY_MS, { cause }));
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (!this.#inHand && this.#waiting.length === 0) for (const done of this.#idle.splice(0)) done();
  }
}
