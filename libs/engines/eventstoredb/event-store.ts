import { Unavailable } from '#libs/event-sourcing/errors';
import type { NewEvent, Position, StoredEvent } from '#libs/event-sourcing/event';
import type { Append, Appended, Batch, EventStore } from '#libs/event-sourcing/ports/event-store';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { AppendLine } from './append-line.js';
import type { LogReader, Window } from './log-reader.js';
import type { LogSubscription } from './log-subscription.js';
import { ORIGIN, placeOf } from './position.js';
import { SharedReads } from './shared-reads.js';
import { matcher } from './stream-names.js';

export interface FollowLimits {
  /** events in one batch of a subscription; four times as many while it reads by itself */
  batchSize: number;
  /** how often an idle follower is told how far the log is, in ms: only when the log was heard since */
  heartbeatMs: number;
}

const LARGER = 4;

/** The log in EventStoreDB: appends over one line, one subscription for all who follow; those who are behind read, beside each other. */
export class EventStoreDBEventStore implements EventStore {
  readonly #shared: SharedReads;

  constructor(readonly appends: AppendLine, readonly reader: LogReader, readonly subscription: LogSubscription, readonly clock: Clock,
    readonly limits: FollowLimits, readonly closed: AbortSignal) {
    this.#shared = new SharedReads(reader);
  }

  append(stream: string, expected: number, events: readonly NewEvent[]): Promise<Appended> {
    return this.appends.append({ stream, expected, events });
  }

  async appendMany(entries: readonly Append[]): Promise<(Appended | Error)[]> {
    const settled = await Promise.allSettled(entries.map((e) => this.appends.append(e)));
    return settled.map((s) => (s.status === 'fulfilled' ? s.value : s.reason as Error));
  }

  read(stream: string, from: number, limit: number): Promise<StoredEvent[]> { return this.reader.read(stream, from, limit); }
  last(stream: string): Promise<StoredEvent | null> { return this.reader.last(stream); }
  head(): Promise<Position | null> { return this.reader.head(); }

  async readAll(after: Position | null, prefixes: readonly string[], limit: number): Promise<Batch> {
    await this.#notAhead(after);
    const wanted = matcher(prefixes);
    for (let at = after; ;) {
      const { events, position, end } = await this.reader.window(at, wanted, limit);
      if (events.length > 0 || end) return { events, position };
      at = position;
    }
  }

  async *subscribe(after: Position | null, prefixes: readonly string[], signal: AbortSignal): AsyncGenerator<Batch, void, undefined> {
    if (signal.aborted) return;
    const { subscription: { feed }, clock, limits: { batchSize, heartbeatMs } } = this;
    const wanted = matcher(prefixes);
    let at = after ?? ORIGIN;
    let told = clock.monotonic();
    let heard = -Infinity;
    /** the window after this one, read while this one is dealt with */
    let next: Promise<Window> | null = null;
    const readOn = (): Promise<Window> => {
      const window = this.#shared.window(at, wanted, batchSize * LARGER);
      window.catch(() => undefined); // who awaits it hears of it; it may not be wanted any more
      return window;
    };
    await this.#notAhead(after);
    this.subscription.want(prefixes);
    while (!signal.aborted) {
      if (this.closed.aborted) throw new Unavailable('the log');
      if (feed.refused) throw feed.refused;
      let events: StoredEvent[];
      let more: boolean;
      if (feed.holds(at, prefixes)) {
        next = null;
        ({ events, position: at, more } = feed.take(at, wanted, batchSize));
        heard = feed.heardAt;
      } else {
        const window: Window | null = await orAborted(next ?? readOn(), signal);
        if (!window) return;
        ({ events, position: at } = window);
        heard = clock.monotonic();
        const held = feed.holds(at, prefixes);
        more = held || !window.end;
        next = more && !held ? readOn() : null;
      }
      const idleFor = clock.monotonic() - told;
      // silence is not news: an empty batch says that the log was heard
      if (events.length > 0 || (idleFor >= heartbeatMs && heard > told)) {
        yield { events, position: at };
        told = clock.monotonic();
      } else if (!more) {
        await this.#news(idleFor < heartbeatMs ? heartbeatMs - idleFor : heartbeatMs, signal);
      }
    }
  }

  /** A position that lies ahead belongs to a log that was lost: waiting for it would skip events. */
  async #notAhead(after: Position | null): Promise<void> {
    if (after === null) return;
    placeOf(after);
    const { feed } = this.subscription;
    if (feed.refused) throw feed.refused;
    if (after <= feed.head || after <= this.reader.highest) return;
    const verdict = this.subscription.ahead.verdict(after, await this.reader.head());
    if (verdict) throw verdict;
  }

  #news(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        offNews();
        offTimer();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const offNews = this.subscription.feed.onNews(done);
      const offTimer = this.clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** Null when the signal aborts first. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => resolve(null);
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
