import { Damaged } from '#libs/event-sourcing/errors';
import type { Position, StoredEvent } from '#libs/event-sourcing/event';

const RING = 8192;
const RING_BYTES = 16 * 1024 * 1024;
const SCAN = 2000; // events looked through in one go

interface Entry { position: Position; stream: string; event: StoredEvent | Damaged; bytes: number }

/**
 * The newest events, as the process's one subscription brought them, for all who follow the log; bounded in number and
 * in bytes. Nobody holds it up: who is slower than that reads the log by himself.
 */
export class LogFeed {
  readonly #ring = new Array<Entry | undefined>(RING);
  #first = 0; // number of the oldest entry
  #next = 0; // number of the entry to come
  #bytes = 0;
  #floor: Position;
  #head: Position;
  #heardAt = -Infinity;
  /** why nobody may follow: the log is not the one that was seen */
  refused: Damaged | null = null;
  /** what streams' names begin with that are heard; '' for all */
  #covered: readonly string[] = [];
  readonly #waiting = new Set<() => void>();
  #waking = false;

  constructor(head: Position) { this.#head = this.#floor = head; }

  /** How far the log was heard. */
  get head(): Position { return this.#head; }
  /** Monotonic time of the last word from the log. */
  get heardAt(): number { return this.#heardAt; }

  /** The event after the head. @param event Damaged where it could not be opened: who wants its stream stops there */
  add(position: Position, stream: string, event: StoredEvent | Damaged, bytes: number): void {
    if (position <= this.#head) return; // a subscription that begins anew may repeat
    this.#ring[this.#next++ % RING] = { position, stream, event, bytes };
    this.#head = position;
    this.#bytes += bytes;
    while (this.#next - this.#first > RING - 1 || (this.#bytes > RING_BYTES && this.#next - this.#first > 1)) this.#drop();
  }

  /** Nothing for anybody lies between the head and this position, at or before an event of the log. */
  moveTo(position: Position): void { if (position > this.#head) this.#head = position; }

  /** The log was heard at this (monotonic) time; those who wait look again, once for all that comes in one go. */
  heard(at: number): void {
    this.#heardAt = at;
    if (this.#waking) return;
    this.#waking = true;
    setImmediate(() => { this.#waking = false; this.wake(); });
  }

  wake(): void {
    const calls = [...this.#waiting];
    this.#waiting.clear();
    for (const call of calls) call();
  }

  /** Calls once when there is news; answers how to call it off. */
  onNews(call: () => void): () => void {
    this.#waiting.add(call);
    return () => this.#waiting.delete(call);
  }

  /** Other streams are heard from the head on: what came before is read from the log. */
  cover(prefixes: readonly string[]): void {
    while (this.#first < this.#next) this.#drop();
    this.#floor = this.#head;
    this.#covered = prefixes;
    this.wake();
  }

  get covered(): readonly string[] { return this.#covered; }
  covers(prefixes: readonly string[]): boolean { return coveredBy(this.#covered, prefixes); }

  /** True when everything of these streams after this position is at hand. */
  holds(after: Position, prefixes: readonly string[]): boolean { return after >= this.#floor && this.covers(prefixes); }

  /** The next wanted events after a position that is held; `more`: there is more to look through. @throws Damaged */
  take(after: Position, wanted: (stream: string) => boolean, limit: number): { events: StoredEvent[]; position: Position; more: boolean } {
    const events: StoredEvent[] = [];
    let at = this.#after(after);
    const end = Math.min(this.#next, at + SCAN);
    let position = after;
    for (; at < end && events.length < limit; at++) {
      const entry = this.#ring[at % RING]!;
      if (wanted(entry.stream)) {
        if (entry.event instanceof Damaged) {
          if (events.length > 0) break; // first those that stand before it
          throw entry.event;
        }
        events.push(entry.event);
      }
      position = entry.position;
    }
    const more = at < this.#next;
    return { events, position: more || position > this.#head ? position : this.#head, more };
  }

  /** The number of the first entry after a position. */
  #after(position: Position): number {
    let low = this.#first;
    let high = this.#next;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ring[middle % RING]!.position > position) high = middle; else low = middle + 1;
    }
    return low;
  }

  #drop(): void {
    const at = this.#first++ % RING;
    const entry = this.#ring[at]!;
    this.#bytes -= entry.bytes;
    this.#floor = entry.position;
    this.#ring[at] = undefined;
  }
}

/** True when every stream that begins with one of `wanted` (all, if empty) begins with one of `there`. */
export const coveredBy = (there: readonly string[], wanted: readonly string[]): boolean =>
  (wanted.length === 0 ? [''] : wanted).every((w) => there.some((t) => w.startsWith(t)));
