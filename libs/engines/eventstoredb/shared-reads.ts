import { Damaged } from '#libs/event-sourcing/errors';
import type { Position, StoredEvent } from '#libs/event-sourcing/event';
import type { LogReader, Stretch, Window } from './log-reader.js';

const HELD = 8;
const HELD_BYTES = 32 * 1024 * 1024;

interface Held { after: Position; reading: Promise<Stretch>; until: Position | null; bytes: number }

/** Followers that are behind go through the log beside each other: what one has read lately, the others need not read again. */
export class SharedReads {
  #held: Held[] = [];
  constructor(readonly reader: LogReader) {}

  /** Up to `limit` matching events after a position. @throws Damaged for the first event, if that cannot be opened */
  async window(after: Position, wanted: (stream: string) => boolean, limit: number): Promise<Window> {
    const { entries, position, end } = await this.#stretch(after);
    const events: StoredEvent[] = [];
    let at = after;
    for (const entry of entries) {
      if (entry.position <= after) continue;
      if (events.length >= limit) return { events, position: at, end: false };
      if (wanted(entry.stream)) {
        try {
          events.push(entry.open());
        } catch (error) {
          // first those that stand before it
          if (error instanceof Damaged && events.length > 0) return { events, position: at, end: false };
          throw error;
        }
      }
      at = entry.position;
    }
    return { events, position, end };
  }

  #stretch(after: Position): Promise<Stretch> {
    const there = this.#held.find((h) => h.after === after || (h.after < after && h.until !== null && after < h.until));
    if (there) return there.reading;
    const held: Held = { after, until: null, bytes: 0, reading: this.reader.stretch(after) };
    held.reading.then(({ position, end, bytes }) => {
      held.until = position;
      held.bytes = bytes;
      // the log goes on after its end, and who has come there follows in another way
      if (end) this.#held = [];
      let sum = 0;
      this.#held = this.#held.toReversed().filter((h, i) => i < HELD && (sum += h.bytes) <= HELD_BYTES).toReversed();
    }, () => { this.#held = this.#held.filter((h) => h !== held); });
    this.#held.push(held);
    return held.reading;
  }
}
