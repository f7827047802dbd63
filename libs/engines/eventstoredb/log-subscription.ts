import { START, streamNameFilter, type AllStreamRecordedEvent } from '@eventstore/db-client';
import { Damaged } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { Ahead } from './ahead.js';
import type { Calls } from './calls.js';
import { leavesConnection, sentenceOf } from './failures.js';
import { type LogFeed, coveredBy } from './log-feed.js';
import { LogReader, OF_LEADER } from './log-reader.js';
import { ORIGIN, type Place, placeOf, positionOf } from './position.js';
import { opened, sizeOf } from './stored-form.js';
import { matcher, type StreamNames } from './stream-names.js';

export interface SubscriptionLimits {
  /** how long nothing may be heard before the server is asked, in ms */
  heartbeatMs: number;
  /** how long what stands in the log may be on its way before the subscription is made anew, in ms */
  stallMs: number;
  /** how long a log must end before what was seen of it before it counts as damaged, in ms */
  aheadMs: number;
}

const NOT_THE_SERVERS = '^[^$]'; // its own streams, statistics above all, begin with $
const CHECKPOINT_EVERY = 256; // events passed over
const LOOKED_BACK = [32, 1024];
const GATHER_MS = 10;
const FIRST_PAUSE = 100, LONGEST_PAUSE = 5000;

/** The process's one subscription to the log: fills the feed, begins anew where it broke, and knows whether it is current. */
export class LogSubscription {
  /** why nothing is heard, until something is */
  failure: string | null = null;
  /** how often it was begun */
  begun = 0;
  #restart: () => void = () => undefined;
  #pendingSince: number | null = null;
  /** how far the server looked for this subscription; may lie behind the log's last event, where no position may be told */
  #passed: Position = ORIGIN;
  #done: Promise<unknown> = Promise.resolve();
  /** what streams' names begin with that somebody follows; only these are asked for */
  #wanted: string[] = [];
  #changed: () => void = () => undefined;
  readonly #reader: LogReader;
  /** judges what lies after the log's end, also for who follows */
  readonly ahead: Ahead;

  /** @param calls for asking the server, with a deadline shorter than the time after which the log counts as not heard */
  constructor(readonly calls: Calls, readonly names: StreamNames, readonly feed: LogFeed, readonly clock: Clock, readonly limits: SubscriptionLimits, readonly closed: AbortSignal) {
    this.#reader = new LogReader(calls, names);
    this.ahead = new Ahead(clock, limits.aheadMs);
  }

  start(): void { this.#done = Promise.all([this.#keep(), this.#watch()]); }

  /** Somebody follows these streams (all, if empty). The subscription begins anew where they are not part of it yet. */
  want(prefixes: readonly string[]): void {
    if (coveredBy(this.#wanted, prefixes)) return;
    const all = [...this.#wanted, ...(prefixes.length === 0 ? [''] : prefixes)];
    this.#wanted = all.filter((p, i) => !all.some((q, j) => p.startsWith(q) && (q.length < p.length || j < i)));
    this.#changed();
  }

  /** Resolves when nothing of it is left, once `closed` is aborted. */
  async ended(): Promise<void> { await this.#done; }

  async #keep(): Promise<void> {
    const { feed, closed } = this;
    let pause = FIRST_PAUSE;
    while (!closed.aborted) {
      if (this.#wanted.length === 0) {
        await this.#until((wake) => { this.#changed = wake; });
        continue;
      }
      try {
        await this.#notCutShort();
        await this.#follow(() => { pause = FIRST_PAUSE; });
      } catch (error) {
        this.failure = reasonOf(error);
      }
      const changed = !feed.covers(this.#wanted);
      await this.#pause(changed ? GATHER_MS : pause); // all who begin together get one subscription
      if (!changed) pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  /** A log that ends before what was seen of it is another one (a restored backup): nobody follows it. */
  async #notCutShort(): Promise<void> {
    const { feed } = this;
    if (feed.head === ORIGIN) return;
    const verdict = this.ahead.verdict(feed.head, await this.#reader.head());
    feed.refused = verdict instanceof Damaged ? verdict : null;
    if (feed.refused) feed.wake();
    if (verdict) throw verdict;
  }

  /** Resolves or rejects when the subscription ends, for whatever reason: it is always begun anew. */
  async #follow(alive: () => void): Promise<void> {
    const { feed, clock, calls, names } = this;
    const client = await calls.line.client();
    const { epoch } = calls.line;
    const heard = (): void => {
      alive();
      this.failure = null;
      this.#pendingSince = null;
      feed.heard(clock.monotonic());
    };
    this.begun++;
    const wanted = this.#wanted;
    if (!feed.covers(wanted)) feed.cover(wanted);
    let current = true;
    this.#passed = ORIGIN;
    const checkpoints = {
      maxSearchWindow: CHECKPOINT_EVERY, checkpointInterval: 1,
      // never throws: the client would stand still
      checkpointReached: (_: unknown, place: Place): void => {
        if (!current) return;
        // once the events before it, which the client may still hold, have been handed out
        setImmediate(() => { if (current) this.#passed = positionOf(place); });
        heard();
      },
    };
    const subscription = client.subscribeToAll({
      ...OF_LEADER,
      fromPosition: feed.head === ORIGIN ? START : placeOf(feed.head),
      filter: names.prefix === '' && wanted.includes('') ? streamNameFilter({ regex: NOT_THE_SERVERS, ...checkpoints }) : streamNameFilter({ prefixes: wanted.map((p) => names.stored(p)), ...checkpoints }),
    });
    subscription.on('error', () => undefined); // without a listener an error, even a late one, would end the process
    try {
      await this.#until((end, fail) => {
        this.#changed = this.#restart = end;
        subscription.on('error', fail);
        subscription.on('end', end); // also a clean end is one
        subscription.on('close', end);
        subscription.on('data', ({ event }) => {
          if (!current) return;
          if (event) this.#take(event);
          heard();
        });
      });
    } catch (error) {
      if (leavesConnection(error)) await calls.line.clear(epoch, false);
      throw error;
    } finally {
      current = false; // what it still brings, the next one brings in its order
      subscription.unsubscribe().catch(() => undefined);
    }
  }

  /** Never throws: what cannot be opened stops those who want it, not the others. */
  #take(event: AllStreamRecordedEvent): void {
    const position = positionOf(event.position);
    const stream = this.names.own(event.streamId);
    if (stream === null) return;
    try {
      this.feed.add(position, stream, opened(event, stream), sizeOf(event));
    } catch (error) {
      this.feed.add(position, stream, error instanceof Damaged ? error : new Damaged(sentenceOf(error), position), 0);
    }
  }

  /** Asks the server when nothing comes: is there nothing, or is the line dead? */
  async #watch(): Promise<void> {
    const { clock, feed, limits: { heartbeatMs } } = this;
    while (!this.closed.aborted) {
      await this.#pause(heartbeatMs);
      const passing = this.#passed > feed.head;
      if (this.closed.aborted || (!passing && clock.monotonic() - feed.heardAt < heartbeatMs)) continue;
      try { await this.#ask(); } catch (error) { this.failure = reasonOf(error); }
    }
  }

  async #ask(): Promise<void> {
    const { clock, feed } = this;
    const { head, covered } = feed;
    const wanted = covered.length === 0 ? () => false : matcher(covered);
    let end = await this.#reader.endAfter(head, wanted, LOOKED_BACK[0]!);
    if (end.wanted === null) end = await this.#reader.endAfter(head, wanted, LOOKED_BACK[1]!);
    if (feed.covered !== covered) return; // asked for other streams than are heard now
    if (end.head !== null) feed.moveTo(this.#passed < end.head ? this.#passed : end.head);
    if (feed.refused || (end.head ?? ORIGIN) < head) {
      this.#restart(); // beginning anew finds out what that means
    } else if (end.wanted === false) {
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
      this.#restart();
    }
  }

  #pause(ms: number): Promise<void> {
    return this.#until((end) => this.clock.after(ms, end));
  }

  /** Waits for what `begin` waits for, for the end of the client's line, or for the end of all; what `begin` answers is called off. */
  async #until(begin: (end: () => void, fail: (error: Error) => void) => (() => void) | void): Promise<void> {
    let off: (() => void)[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.closed.aborted) return resolve();
        this.closed.addEventListener('abort', resolve as () => void, { once: true });
        off = [begin(resolve, reject) ?? (() => undefined), this.calls.line.onEnd(resolve), () => this.closed.removeEventListener('abort', resolve as () => void)];
      });
    } finally {
      for (const call of off) call();
    }
  }
}

const reasonOf = (error: unknown): string => sentenceOf(error instanceof Error ? error.cause ?? error : error);
