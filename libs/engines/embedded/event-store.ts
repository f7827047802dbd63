import { type EncodedRow, decode } from '#libs/event-sourcing/canonical';
import { Damaged, Unavailable } from '#libs/event-sourcing/errors';
import type { NewEvent, Position, StoredEvent } from '#libs/event-sourcing/event';
import type { Append, Appended, Batch, EventStore } from '#libs/event-sourcing/ports/event-store';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { afterPrefix } from '#libs/event-sourcing/running/prefix';
import { AppendQueue, type QueueLimits, positionOf } from './append-queue.js';
import type { LogFeed } from './log-feed.js';
import type { FlatRows, ReaderRequest } from './reader.thread.js';
import { whereIs } from './stream-index.js';
import type { ThreadLink } from './thread-link.js';

export interface StoreOptions extends QueueLimits {
  /** events in one batch of a subscription; four times as many while it is far behind */
  batchSize: number;
  /** how long an idle follower waits before it is told the head, in ms */
  heartbeatMs: number;
}

const WINDOW = 20_000; // positions looked through in one go, so that other readers get their turn
const SCAN = 2000; // events of the ring looked through in one go
const PAGE = 1000;
const FAR_BEHIND = 40; // batches: from there on, larger ones are read
const LARGER = 4;
const COLUMNS = 8;

/** The log on node:sqlite: one thread writes, one reads, the newest events are handed to followers unread. */
export class EmbeddedEventStore implements EventStore {
  readonly #queue: AppendQueue;
  readonly #closed = new AbortController();

  constructor(log: ThreadLink, readonly reader: ThreadLink, readonly feed: LogFeed, readonly clock: Clock, readonly options: StoreOptions) {
    this.#queue = new AppendQueue(log, feed, clock, options);
  }

  append(stream: string, expected: number, events: readonly NewEvent[]): Promise<Appended> {
    return this.#queue.append({ stream, expected, events });
  }

  async appendMany(entries: readonly Append[]): Promise<(Appended | Error)[]> {
    const settled = await Promise.allSettled(entries.map((e) => this.#queue.append(e)));
    return settled.map((s) => (s.status === 'fulfilled' ? s.value : s.reason as Error));
  }

  async read(stream: string, from: number, limit: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (;;) {
      const at = from + events.length;
      const most = Math.min(PAGE, limit - events.length);
      const { indexed, positions } = whereIs(this.#queue.tail.of(stream), at, at + most);
      const { flat, cut } = await this.#ask({ op: 'read', stream, from: at, to: indexed, positions });
      const page = decodeAll(flat);
      for (const e of page) {
        if (e.revision !== from + events.length) throw new Damaged(`event ${from + events.length} of ${stream} is missing`, e.position);
        events.push(e);
      }
      if (events.length >= limit || (!cut && page.length < PAGE)) return events;
    }
  }

  async last(stream: string): Promise<StoredEvent | null> {
    const tail = this.#queue.tail.of(stream);
    const request: ReaderRequest = tail ? { op: 'read', stream, from: 0, to: 0, positions: [tail.positions.at(-1)!] } : { op: 'last', stream };
    return decodeAll((await this.#ask(request)).flat)[0] ?? null;
  }

  async readAll(after: Position | null, prefixes: readonly string[], limit: number): Promise<Batch> {
    const ranges = prefixes.flatMap((p) => (p === '' ? ['', '\u{10ffff}'] : [p, afterPrefix(p)]));
    const events: StoredEvent[] = [];
    let at = this.#numberOf(after);
    let page = this.#page(at, ranges, limit);
    for (;;) {
      const { flat, cut, most, to, end } = await page;
      const from = at;
      const count = flat.length / COLUMNS;
      const full = cut || count === most;
      at = full ? flat.at(-COLUMNS) as number : to;
      const left = limit - events.length - count;
      // a full page is followed by another, a window without any event by the next
      const on = full ? !cut && left > 0 : !end && events.length + count === 0;
      if (on) {
        page = this.#page(at, ranges, left); // on its way while this one is opened
        page.catch(() => undefined); // nobody awaits it when this one is damaged
      }
      const opened = decodeAll(flat);
      if (prefixes.length === 0) this.#checkWhole(opened, from, full ? null : to);
      events.push(...opened);
      if (!on) return { events, position: positionOf(at) };
    }
  }

  async *subscribe(after: Position | null, prefixes: readonly string[], signal: AbortSignal): AsyncGenerator<Batch, void, undefined> {
    const { feed, clock, options } = this;
    let at = this.#numberOf(after);
    let told = clock.monotonic();
    /** the batch after this one, read while this one is dealt with */
    let next: Promise<Batch> | null = null;
    const wanted = (stream: string): boolean => prefixes.length === 0 || prefixes.some((p) => stream.startsWith(p));
    const readOn = (): Promise<Batch> => {
      const far = feed.head - at > FAR_BEHIND * options.batchSize;
      const batch = this.readAll(positionOf(at), prefixes, far ? options.batchSize * LARGER : options.batchSize);
      batch.catch(() => undefined); // who awaits it hears of it; it may not be wanted any more
      return batch;
    };
    while (!signal.aborted) {
      if (this.#closed.signal.aborted) throw new Unavailable('the log');
      let events: StoredEvent[] = [];
      if (at < feed.head && feed.holds(at)) {
        next = null;
        const to = Math.min(feed.head, at + SCAN);
        while (at < to && events.length < options.batchSize) {
          const event = feed.at(++at);
          if (wanted(event.stream)) events.push(event);
        }
      } else if (at < feed.head) {
        const batch: Batch = await (next ?? readOn());
        if (signal.aborted) return;
        events = batch.events;
        at = Number(batch.position);
        next = at < feed.head && !feed.holds(at) ? readOn() : null;
      }
      const idleFor = clock.monotonic() - told;
      if (events.length > 0 || idleFor >= options.heartbeatMs) {
        yield { events, position: positionOf(at) };
        told = clock.monotonic();
      } else if (at >= feed.head) {
        await this.#moved(options.heartbeatMs - idleFor, signal);
      }
    }
  }

  head(): Promise<Position | null> {
    return Promise.resolve(this.feed.head === 0 ? null : positionOf(this.feed.head));
  }

  /** Why nothing can be appended at the moment, if so. */
  failing(): Promise<string | null> { return this.#queue.failing(); }

  /** The log's last events, opened and checked. @throws Damaged */
  async checkEnd(count: number): Promise<void> {
    const after = Math.max(0, this.feed.head - count);
    await this.readAll(positionOf(after), [], count);
  }

  /** Answers whoever waits and takes nothing more; those who follow the log are told that it is not available. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.feed.wake();
    await this.#queue.close();
  }

  #ask(request: ReaderRequest): Promise<FlatRows> {
    return this.reader.call<FlatRows>(request);
  }

  /** What was asked for and what was found: at most so many events after a position. `end`: the log ends where the window does. */
  async #page(after: number, ranges: string[], limit: number): Promise<FlatRows & { most: number; to: number; end: boolean }> {
    const { head } = this.feed;
    const to = Math.min(head, after + WINDOW);
    const most = Math.min(PAGE, limit);
    const found = to > after ? await this.#ask({ op: 'window', after, to, ranges, limit: most }) : { flat: [], cut: false };
    return { ...found, most, to: Math.max(after, to), end: to >= head };
  }

  /** A position that lies ahead belongs to a log that was lost: waiting for it would skip events. */
  #numberOf(after: Position | null): number {
    if (after === null) return 0;
    if (!/^\d{16}$/.test(after)) throw new Error(`not a position of this log: ${after}`);
    if (Number(after) > this.feed.head) throw new Damaged(`the log ends at ${positionOf(this.feed.head)}, before what was already seen of it`, after);
    return Number(after);
  }

  /** Positions have no holes: a missing one is a lost event. `to`: the last one that must be there. */
  #checkWhole(events: readonly StoredEvent[], after: number, to: number | null): void {
    let last = after;
    for (const e of events) if (Number(e.position) === last + 1) last++;
    if (last - after !== events.length || (to !== null && last !== to)) throw new Damaged('an event of the log is missing', positionOf(last + 1));
  }

  #moved(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        offMove();
        offTimer();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const offMove = this.feed.onMove(done);
      const offTimer = this.clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

function decodeAll(flat: readonly (string | number)[]): StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let i = 0; i < flat.length; i += COLUMNS) {
    events.push(decode({
      position: positionOf(flat[i] as number), stream: flat[i + 1] as string, revision: flat[i + 2] as number, id: flat[i + 3] as string,
      type: flat[i + 4] as string, data: flat[i + 5] as string, meta: flat[i + 6] as string, sum: flat[i + 7] as string,
    } satisfies EncodedRow));
  }
  return events;
}
