import { START, streamNameFilter, type AllStreamRecordedEvent } from '@eventstore/db-client';
import { Damaged } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Calls } from './calls.js';
import { sentenceOf } from './failures.js';
import type { LogFeed } from './log-feed.js';
import { LogReader } from './log-reader.js';
import { ORIGIN, placeOf, positionOf } from './position.js';
import { opened, sizeOf, whereIs } from './stored-form.js';

export interface SubscriptionLimits {
  /** how long nothing may be heard before the server is asked, in ms */
  heartbeatMs: number;
  /** how long what stands in the log may be on its way before the subscription is made anew, in ms */
  stallMs: number;
}

const NOT_THE_SERVERS = '^[^$]'; // its own streams, statistics above all, begin with $
const CHECKPOINT_EVERY = 256; // events passed over
const LOOKED_BACK = [32, 1024];
const FIRST_PAUSE = 100, LONGEST_PAUSE = 5000;

/** The process's one subscription to the log: fills the feed, begins anew where it broke, and knows whether it is current. */
export class LogSubscription {
  /** why nothing is heard, until something is */
  failure: string | null = null;
  /** how often it was begun */
  begun = 0;
  #stopCurrent: () => void = () => undefined;
  #pendingSince: number | null = null;
  #done: Promise<unknown> = Promise.resolve();
  readonly #reader: LogReader;

  /** @param calls for asking the server, with a deadline shorter than the time after which the log counts as not heard */
  constructor(readonly calls: Calls, readonly feed: LogFeed, readonly clock: Clock, readonly limits: SubscriptionLimits, readonly closed: AbortSignal) {
    this.#reader = new LogReader(calls);
  }

  start(): void { this.#done = Promise.all([this.#keep(), this.#watch()]); }

  /** Resolves when nothing of it is left, once `closed` is aborted. */
  async ended(): Promise<void> { await this.#done; }

  async #keep(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.closed.aborted) {
      try {
        await this.#notCutShort();
        await this.#follow(() => { pause = FIRST_PAUSE; });
      } catch (error) {
        this.failure = sentenceOf(error instanceof Error ? error.cause ?? error : error);
      }
      await this.#pause(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  /** A log that ends before what was seen of it is another one (a restored backup): nobody follows it. */
  async #notCutShort(): Promise<void> {
    const { feed } = this;
    if (feed.head === ORIGIN) return;
    const head = await this.#reader.head();
    feed.refused = head === null || head < feed.head ? aheadOfLog(feed.head, head) : null;
    if (!feed.refused) return;
    feed.wake();
    throw feed.refused;
  }

  /** Resolves or rejects when the subscription ends, for whatever reason: it is always begun anew. */
  async #follow(alive: () => void): Promise<void> {
    const { feed, clock, calls } = this;
    const client = await calls.line.client();
    const heard = (): void => {
      alive();
      this.failure = null;
      this.#pendingSince = null;
      feed.heard(clock.monotonic());
    };
    this.begun++;
    const subscription = client.subscribeToAll({
      fromPosition: feed.head === ORIGIN ? START : placeOf(feed.head),
      filter: streamNameFilter({
        regex: NOT_THE_SERVERS, maxSearchWindow: CHECKPOINT_EVERY, checkpointInterval: 1,
        // never throws: the client would stand still
        checkpointReached: (_, place) => { feed.moveTo(positionOf(place)); heard(); },
      }),
    });
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => { off(); resolve(); };
      const offEnd = calls.line.onEnd(stop);
      const off = (): void => { offEnd(); this.closed.removeEventListener('abort', stop); };
      this.#stopCurrent = stop;
      this.closed.addEventListener('abort', stop, { once: true });
      if (this.closed.aborted) stop();
      // stays: an error without a listener ends the process
      subscription.on('error', (error) => { off(); reject(error); });
      subscription.on('end', stop); // also a clean end is one
      subscription.on('close', stop);
      subscription.on('data', ({ event }) => {
        if (event) this.#take(event);
        heard();
      });
    }).finally(() => { subscription.unsubscribe().catch(() => undefined); });
  }

  /** Never throws: what cannot be opened stops those who want it, not the others. */
  #take(event: AllStreamRecordedEvent): void {
    const position = whereIs(event);
    try {
      this.feed.add(position, event.streamId, opened(event), sizeOf(event));
    } catch (error) {
      this.feed.add(position, event.streamId, error instanceof Damaged ? error : new Damaged(sentenceOf(error), position), 0);
    }
  }

  /** Asks the server when nothing comes: is there nothing, or is the line dead? */
  async #watch(): Promise<void> {
    const { clock, feed, limits: { heartbeatMs } } = this;
    while (!this.closed.aborted) {
      await this.#pause(heartbeatMs);
      if (this.closed.aborted || clock.monotonic() - feed.heardAt < heartbeatMs) continue;
      try { await this.#ask(); } catch (error) { this.failure = sentenceOf(error instanceof Error ? error.cause ?? error : error); }
    }
  }

  async #ask(): Promise<void> {
    const { clock, feed } = this;
    let end = await this.#reader.endAfter(feed.head, LOOKED_BACK[0]!);
    if (end.ours === null) end = await this.#reader.endAfter(feed.head, LOOKED_BACK[1]!);
    if (feed.refused || (end.head ?? ORIGIN) < feed.head) {
      this.#stopCurrent(); // beginning anew finds out what that means
    } else if (end.ours === false) {
      if (end.head !== null) feed.moveTo(end.head);
      this.failure = null;
      this.#pendingSince = null;
      feed.heard(clock.monotonic());
    } else {
      // it is there, and was not heard: on its way, or the subscription is dead though the server lives
      this.#pendingSince ??= clock.monotonic();
      if (clock.monotonic() - this.#pendingSince < this.limits.stallMs) return;
      this.#pendingSince = null;
      this.failure = 'EventStoreDB answers, but its subscription stands still';
      this.#stopCurrent();
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => { stop(); this.closed.removeEventListener('abort', end); resolve(); };
      const stop = this.clock.after(ms, end);
      this.closed.addEventListener('abort', end, { once: true });
      if (this.closed.aborted) end();
    });
  }
}

export const aheadOfLog = (seen: string, head: string | null): Damaged =>
  new Damaged(`the log ends ${head === null ? 'before its first event' : `at ${head}`}, before what was already seen of it (a restored backup, or another database?): restore the log, or wipe the views and let them be computed again`, seen);
