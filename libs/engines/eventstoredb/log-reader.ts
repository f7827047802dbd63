import { type AllStreamRecordedEvent, BACKWARDS, END, type EventStoreDBClient, FORWARDS, START } from '@eventstore/db-client';
import { Damaged } from '#libs/event-sourcing/errors';
import type { Position, StoredEvent } from '#libs/event-sourcing/event';
import type { Batch } from '#libs/event-sourcing/ports/event-store';
import type { Calls } from './calls.js';
import { reactionTo } from './failures.js';
import { ORIGIN, placeOf } from './position.js';
import { opened, sizeOf, whereIs } from './stored-form.js';
import type { StreamNames } from './stream-names.js';

/** Of several nodes the leader alone is sure to have what was appended last. */
export const OF_LEADER = { requiresLeader: true };
const PAGE = 1000;
const WINDOW = 2000; // events of the whole log read in one call
const PAGE_BYTES = 16 * 1024 * 1024;

/** A stretch of the log; `end`: nothing lies beyond it. */
export type Window = Batch & { end: boolean };
/** An event, to be opened by whoever wants it. */
export interface Entry { position: Position; stream: string; /** @throws Damaged */ open(): StoredEvent }
export interface Stretch { entries: Entry[]; bytes: number; position: Position; end: boolean }

/** Reads the log in bounded calls; streams are told and asked for by their own names. */
export class LogReader {
  #highest: Position = ORIGIN;

  constructor(readonly calls: Calls, readonly names: StreamNames) {}

  /** The last position that was seen or answered here; ORIGIN before the first. */
  get highest(): Position { return this.#highest; }
  raise(position: Position): void { if (position > this.#highest) this.#highest = position; }

  async read(stream: string, from: number, limit: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (;;) {
      const at = from + events.length;
      const most = Math.min(PAGE, limit - events.length);
      const { page, cut } = most > 0 ? await this.#page(stream, at, most) : { page: [], cut: false };
      for (const event of page) {
        if (event.revision !== from + events.length) throw new Damaged(`event ${from + events.length} of ${stream} is missing`, event.position);
        events.push(event);
      }
      if (events.length >= limit || (!cut && page.length < most)) return events;
    }
  }

  async #page(stream: string, from: number, most: number): Promise<{ page: StoredEvent[]; cut: boolean }> {
    const { calls, names } = this;
    return calls.run(async (client) => {
      const page: StoredEvent[] = [];
      let bytes = 0;
      await this.#unlessAbsent(stream, calls.drain(client.readStream(names.stored(stream), { fromRevision: BigInt(from), maxCount: most, direction: FORWARDS, ...OF_LEADER }), ({ event }) => {
        if (event) {
          page.push(opened(event, stream));
          bytes += sizeOf(event);
        }
        return bytes > PAGE_BYTES && page.length < most;
      }));
      return { page, cut: bytes > PAGE_BYTES };
    });
  }

  async last(stream: string): Promise<StoredEvent | null> {
    const { calls, names } = this;
    return calls.run(async (client) => {
      let last: StoredEvent | null = null;
      await this.#unlessAbsent(stream, calls.drain(client.readStream(names.stored(stream), { fromRevision: END, maxCount: 1, direction: BACKWARDS, ...OF_LEADER }), ({ event }) => {
        if (event) last = opened(event, stream);
        return false;
      }));
      return last;
    });
  }

  async #unlessAbsent(stream: string, read: Promise<void>): Promise<void> {
    try {
      await read;
    } catch (error) {
      const reaction = reactionTo(error);
      if (reaction === 'deleted') throw new Damaged(`${stream} was deleted in EventStoreDB: the log must not have holes`);
      if (reaction !== 'absent') throw error;
    }
  }

  /** Up to `limit` matching events after a position, from at most so many of the log that one call stays short. */
  async window(after: Position | null, wanted: (stream: string) => boolean, limit: number): Promise<Window> {
    const { calls, names } = this;
    return calls.run(async (client) => {
      const events: StoredEvent[] = [];
      let bytes = 0;
      const { position, end } = await this.#onward(client, after ?? ORIGIN, (event) => {
        const stream = names.own(event.streamId);
        if (stream !== null && wanted(stream)) {
          events.push(opened(event, stream));
          bytes += sizeOf(event);
        }
        return events.length >= limit || bytes > PAGE_BYTES;
      });
      return { events, position, end };
    });
  }

  /** All of ours that stand after a position, unopened, from at most so many of the log that one call stays short. */
  async stretch(after: Position): Promise<Stretch> {
    const { calls, names } = this;
    return calls.run(async (client) => {
      const entries: Entry[] = [];
      let bytes = 0;
      const { position, end } = await this.#onward(client, after, (event, at) => {
        const stream = names.own(event.streamId);
        if (stream !== null) {
          let known: StoredEvent | null = null;
          entries.push({ position: at, stream, open: () => (known ??= opened(event, stream)) });
          bytes += sizeOf(event);
        }
        return bytes > PAGE_BYTES;
      });
      return { entries, bytes, position, end };
    });
  }

  /** Goes through what stands after a position, until `each` answers true. */
  async #onward(client: EventStoreDBClient, after: Position, each: (event: AllStreamRecordedEvent, at: Position) => boolean): Promise<{ position: Position; end: boolean }> {
    const most = WINDOW + 1; // the one at `after` comes along
    let seen = 0;
    let enough = false;
    let position = after;
    await this.calls.drain(client.readAll({ fromPosition: after === ORIGIN ? START : placeOf(after), maxCount: most, direction: FORWARDS, ...OF_LEADER }), ({ event }) => {
      seen++;
      if (!event) return false;
      const at = whereIs(event);
      if (at <= position) return false;
      enough = each(event, at);
      position = at;
      return enough;
    });
    this.raise(position);
    return { position, end: seen < most && !enough };
  }

  head(): Promise<Position | null> {
    return this.calls.run(async (client) => {
      let head: Position | null = null;
      await this.calls.drain(client.readAll({ fromPosition: END, maxCount: 1, direction: BACKWARDS, ...OF_LEADER }), ({ event }) => {
        if (event) this.raise(head = whereIs(event));
        return false;
      });
      return head;
    });
  }

  /**
   * Where the log ends, and whether a wanted event lies between a position and that end;
   * `wanted` null: so much lies there that its last `most` events do not tell.
   */
  endAfter(position: Position, wants: (stream: string) => boolean, most: number): Promise<{ head: Position | null; wanted: boolean | null }> {
    const { calls, names } = this;
    return calls.run(async (client) => {
      let head: Position | null = null;
      let wanted: boolean | null = null;
      let seen = 0;
      await calls.drain(client.readAll({ fromPosition: END, maxCount: most, direction: BACKWARDS, ...OF_LEADER }), ({ event }) => {
        if (!event) return false;
        const at = whereIs(event);
        if (head === null) this.raise(head = at);
        seen++;
        const stream = names.own(event.streamId);
        if (at <= position) wanted = false;
        else if (stream !== null && wants(stream)) wanted = true;
        return wanted !== null;
      });
      return { head, wanted: wanted ?? (seen < most ? false : null) }; // fewer: that is the whole log
    });
  }
}
