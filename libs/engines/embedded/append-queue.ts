import { MAX_APPEND_BYTES, type Encoded, encode } from '#libs/event-sourcing/canonical';
import { TooLarge, Unavailable, VersionConflict } from '#libs/event-sourcing/errors';
import { NO_STREAM, type NewEvent, type Position } from '#libs/event-sourcing/event';
import type { Append, Appended } from '#libs/event-sourcing/ports/event-store';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { LogFeed } from './log-feed.js';
import { APPENDED, CONFLICT, type LogAnswer, type LogRequest, REPEATED } from './log-writer.js';
import { Tail } from './stream-index.js';
import { reasonOf, type ThreadLink } from './thread-link.js';

export interface QueueLimits {
  /** entries that may wait for the disk */
  maxQueued: number;
  /** bytes that may wait for the disk */
  maxQueuedBytes: number;
}

interface Waiting { append: Append; stored: Encoded[]; bytes: number; resolve: (a: Appended) => void; reject: (e: Error) => void }

const BATCH_ENTRIES = 2000;
const BATCH_BYTES = 8 * 1024 * 1024;

export const positionOf = (n: number): Position => String(n).padStart(16, '0');

/** Collects what is to be appended while the disk flushes, and sends it on as one batch: one flush for all who wait. */
export class AppendQueue {
  /** what stands in the log and not yet in its index */
  readonly tail = new Tail();
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #busy = false;
  #scheduled = false;
  #whenEmpty: (() => void) | null = null;
  #closing = false;
  /** why the last batch could not be written */
  #failure: string | null = null;

  constructor(readonly log: ThreadLink, readonly feed: LogFeed, readonly clock: Clock, readonly limits: QueueLimits) {}

  append(append: Append): Promise<Appended> {
    let stored: Encoded[];
    let bytes = 0;
    try {
      stored = append.events.map((e, i) => encode(append.stream, append.expected + 1 + i, e));
      for (const s of stored) bytes += s.bytes;
      if (bytes > MAX_APPEND_BYTES) throw new TooLarge(bytes, MAX_APPEND_BYTES);
      if (stored.length === 0) throw new Error('an append holds at least one event');
      if (!Number.isSafeInteger(append.expected) || append.expected < -1) throw new Error(`not a revision: ${append.expected}`);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    // what goes on with something accepted (an outcome, above all) finds room when nothing new does
    const room = append.expected === NO_STREAM ? 1 : 2;
    if (this.#closing || this.#waiting.length >= room * this.limits.maxQueued || this.#bytes + bytes > room * this.limits.maxQueuedBytes) {
      return Promise.reject(new Unavailable('the log'));
    }
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ append, stored, bytes, resolve, reject });
      if (this.#busy || this.#scheduled) return;
      this.#scheduled = true;
      // after this round of I/O: what came in with it shares the flush
      setImmediate(() => { this.#scheduled = false; this.#send(); });
    });
  }

  /** Takes nothing more; resolves when everybody who waits has an answer. */
  close(): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      this.#tellEmpty();
    });
  }

  #tellEmpty(): void {
    if (!this.#busy && this.#waiting.length === 0) this.#whenEmpty?.();
  }

  #send(): void {
    if (this.#busy || this.#waiting.length === 0) return;
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && count < BATCH_ENTRIES && bytes < BATCH_BYTES) bytes += this.#waiting[count++]!.bytes;
    const batch = this.#waiting.splice(0, count);
    let lines = '';
    for (const { append, stored } of batch) {
      lines += `${append.stream}\n${append.expected}\n${stored.length}\n`;
      for (let i = 0; i < stored.length; i++) {
        const e = append.events[i]!;
        const s = stored[i]!;
        lines += `${e.id}\n${e.type}\n${s.data}\n${s.meta}\n${s.sum}\n`;
      }
    }
    this.#busy = true;
    this.log.call<LogAnswer>({ now: this.clock.monotonic(), lines } satisfies LogRequest).then(
      (answer) => this.#settle(batch, bytes, () => this.#answered(batch, answer)),
      (error: Error) => this.#settle(batch, bytes, () => { this.#failure = reasonOf(error); for (const w of batch) w.reject(error); }),
    );
  }

  #settle(batch: Waiting[], bytes: number, tell: () => void): void {
    this.#busy = false;
    this.#bytes -= bytes;
    this.#send(); // the disk works on while the answers are given
    tell();
    this.#tellEmpty();
  }

  /** Why nothing can be written, if so. After a failure the disk is tried by a batch of nothing: ready again does not wait for somebody's request. */
  async failing(): Promise<string | null> {
    if (this.#failure === null) return null;
    try {
      this.#answered([], await this.log.call<LogAnswer>({ now: this.clock.monotonic(), lines: '' } satisfies LogRequest));
    } catch (error) { this.#failure = reasonOf(error); }
    return this.#failure;
  }

  #answered(batch: Waiting[], { base, upto, results, why }: LogAnswer): void {
    this.#failure = why ?? null;
    this.feed.moveTo(base); // only after a failure: what was found on opening again came by no other way
    for (let i = 0; i < batch.length; i++) {
      if (results[i * 3] === APPENDED) this.#publish(batch[i]!, results[i * 3 + 1]!);
    }
    this.tail.indexed(upto);
    this.feed.wake();
    for (let i = 0; i < batch.length; i++) {
      const { append, resolve, reject } = batch[i]!;
      const outcome = results[i * 3]!;
      if (outcome === APPENDED || outcome === REPEATED) resolve({ position: positionOf(results[i * 3 + 1]!), revision: results[i * 3 + 2]! });
      else if (outcome === CONFLICT) reject(new VersionConflict(append.stream, append.expected));
      else reject(new Unavailable('the log', 1000, { cause: why }));
    }
  }

  #publish({ append, stored }: Waiting, last: number): void {
    const first = last - stored.length + 1;
    this.tail.add(append.stream, stored.length, append.expected + stored.length, last);
    for (let i = 0; i < stored.length; i++) {
      const e: NewEvent = append.events[i]!;
      this.feed.add({ ...e, stream: append.stream, revision: append.expected + 1 + i, position: positionOf(first + i) }, stored[i]!.bytes);
    }
  }
}
