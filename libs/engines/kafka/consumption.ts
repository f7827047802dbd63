import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { MemoryWorkQueue } from '../embedded/work-queue.js';
import { timers } from './deadline.js';
import { Offsets } from './offsets.js';
import { decode, type Found } from './record.js';

/** a job that is put off for longer than this no longer keeps its offset from being committed */
const HOLD_MS = 10_000;
/** so many jobs that only this process still holds; one more is left to the log, which hands it over again */
const MOST_KEPT = 10_000;

export type FoundAt = Found & { offset: string };
/** What a fetch brought of one partition. */
export interface Fetched { partition: number; messages: readonly FoundAt[]; lastOffset(): string }

interface Place { offsets: Offsets; offset: number }
/** A job, the records that brought it, since when its handler has been failing, and whether it is kept without a record. */
interface Held { job: Job; places: Place[]; failingSince: number | null; kept: boolean }

/** One job, whatever characters its names have. */
const keyOf = ({ stream, id }: Job): string => `${stream.length} ${stream} ${id}`;

/**
 * What one consumer has fetched and not finished. It waits in the same queue as the embedded engine's (lanes in turn, streams in
 * order, put off and given again), so that a record's place in its partition says nothing about when it is done.
 */
export class Consumption {
  #partitions = new Map<number, Offsets>();
  readonly #waiting = new Map<string, Held>();
  readonly #running = new Map<string, Held>();
  readonly #timers: ReturnType<typeof timers>;
  readonly #queue: MemoryWorkQueue;
  #kept = 0;

  constructor(private readonly topic: string, private readonly handler: (job: Job) => Promise<Handled>, private readonly clock: Clock, private readonly changed: () => void) {
    this.#timers = timers(clock);
    this.#queue = new MemoryWorkQueue(this.#timers.clock);
  }

  /** Hands over until the signal aborts; resolves when the last handler has answered. */
  async run(options: { concurrency: number; signal: AbortSignal }): Promise<void> {
    await this.#queue.consume(this.topic, ({ id }) => this.#handle(id), options);
    this.#timers.callOff();
  }

  /** These partitions are ours from now on, and what was fetched before counts no longer: it is fetched again from what was committed. */
  assign(partitions: readonly number[]): void {
    for (const offsets of this.#partitions.values()) offsets.revoked = true;
    this.#partitions = new Map(partitions.map((p) => [p, new Offsets(p)]));
  }

  get unfinished(): number { return [...this.#partitions.values()].reduce((sum, p) => sum + p.unfinished, 0); }
  get partitions(): readonly Offsets[] { return [...this.#partitions.values()]; }

  /** Takes what was fetched. Answers the records that hold no job: they stay unfinished until `finish`. */
  take(batch: Fetched): { offsets: Offsets; foreign: { message: FoundAt; reason: string }[] } | null {
    const offsets = this.#partitions.get(batch.partition);
    if (!offsets) return null; // of an assignment that has ended
    const foreign: { message: FoundAt; reason: string }[] = [];
    const jobs: Job[] = [];
    for (const message of batch.messages) {
      const offset = Number(message.offset);
      offsets.take(offset);
      const read = decode(message, this.topic);
      if ('reason' in read) foreign.push({ message, reason: read.reason });
      else if (this.#isNew(read, { offsets, offset })) jobs.push({ ...read, id: keyOf(read) });
    }
    offsets.fetched(Number(batch.lastOffset()) + 1);
    void this.#queue.put(jobs);
    return { offsets, foreign };
  }

  /** Notes the record. False for one that was fetched again while its job is still held here. */
  #isNew(job: Job, place: Place): boolean {
    const key = keyOf(job);
    const same = (p: Place): boolean => p.offset === place.offset && p.offsets.partition === place.offsets.partition;
    const running = this.#running.get(key);
    if (running?.places.some(same)) {
      running.places.push(place);
      return false;
    }
    const waiting = this.#waiting.get(key);
    const again = waiting?.places.some(same) ?? false;
    if (waiting) waiting.places.push(place);
    else this.#waiting.set(key, { job, places: [place], failingSince: null, kept: false });
    return !again;
  }

  async #handle(key: string): Promise<Handled> {
    const held = this.#waiting.get(key)!;
    this.#waiting.delete(key);
    if (held.kept) this.#kept--;
    else if (held.places.every((p) => p.offsets.revoked)) return 'drop'; // another has it now
    held.kept = false;
    this.#running.set(key, held);
    try {
      const handled = await this.handler(held.job);
      if (typeof handled === 'string') this.#finish(held);
      else return this.#again(key, held, Date.parse(handled.later) - this.clock.now().getTime() > HOLD_MS) ? handled : 'drop';
      return handled;
    } catch (error) {
      held.failingSince ??= this.clock.monotonic();
      if (this.#again(key, held, this.clock.monotonic() - held.failingSince > HOLD_MS)) throw error;
      return 'drop';
    } finally {
      this.#running.delete(key);
      this.changed();
    }
  }

  /** It is to be handed over again. False when there are too many such already. */
  #again(key: string, held: Held, long: boolean): boolean {
    if (long) {
      this.#finish(held);
      held.places = [];
    }
    const waiting = this.#waiting.get(key); // put again meanwhile: that one is handed over
    if (waiting) {
      waiting.places.push(...held.places);
      return true;
    }
    if (long && this.#kept >= MOST_KEPT) return false;
    if (long) { held.kept = true; this.#kept++; }
    this.#waiting.set(key, held);
    return true;
  }

  #finish(held: Held): void { for (const { offsets, offset } of held.places) offsets.finish(offset); }
}
