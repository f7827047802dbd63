import { Unavailable } from '#libs/event-sourcing/errors';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import { type Clock, systemClock } from '#libs/event-sourcing/running/clock';
import { addressOf } from './address.js';
import { type AppendLimits, AppendLine } from './append-line.js';
import { Calls } from './calls.js';
import { lineTo } from './client-line.js';
import { EventStoreDBEventStore, type FollowLimits } from './event-store.js';
import { reactionTo, sentenceOf } from './failures.js';
import { LogFeed } from './log-feed.js';
import { LogReader } from './log-reader.js';
import { LogSubscription } from './log-subscription.js';
import { ORIGIN } from './position.js';
import { StreamNames } from './stream-names.js';

export interface EventStoreDBOptions extends Partial<AppendLimits & FollowLimits> {
  /** esdb://user:password@host:2113?tls=true, several hosts with commas, or esdb+discover://name */
  url: string;
  /** begins the names of our streams there: of what others keep in the same EventStoreDB nothing is seen. Empty where nobody else keeps anything: all is ours then */
  prefix: string;
  clock?: Clock;
  /** how long one try of an append or a read may take, in ms (default 5 s) */
  deadlineMs?: number;
  /** how long all tries together may take, in ms (default 15 s) */
  limitMs?: number;
  /** how long an idle server may take to say that it is there, in ms (default 3 s) */
  probeMs?: number;
  /** how long the log may lead its subscription before that is made anew, in ms (default 5 s) */
  stallMs?: number;
  /** how long the log must end before what was seen of it before that counts as damage, in ms (default 30 s): a node that was just elected may be behind */
  aheadMs?: number;
  /** how long to wait for the server at the start, in ms (default 30 s) */
  startMs?: number;
}

export interface EventStoreDB {
  eventStore: EventStore;
  /** what does not work at the moment, and why */
  failing(): Promise<{ part: string; reason: string }[]>;
  warnings: readonly string[];
  /** Answers who waits, ends the subscription and the connection. */
  close(): Promise<void>;
}

const DEFAULTS = {
  maxQueued: 10_000, maxQueuedBytes: 32 * 1024 * 1024, maxSent: 128, batchSize: 500, heartbeatMs: 1000,
  deadlineMs: 5000, limitMs: 15_000, probeMs: 3000, stallMs: 5000, startMs: 30_000, aheadMs: 30_000,
};
/** A failed append is reported for so long: with nothing to append, nothing would ever tell that it is over. */
const TOLD_FOR_MS = 5000;
/** What is not heard for so long may have changed. */
const HEARD_WITHIN_MS = 5000;

/**
 * Opens the log in EventStoreDB.
 * @throws Error for an address that cannot be used, or a second one in this process · Unavailable when the server does not answer or refuses the user
 */
export async function openEventStoreDB(options: EventStoreDBOptions): Promise<EventStoreDB> {
  const { url, shown, warnings } = addressOf(options.url);
  const names = new StreamNames(options.prefix);
  const clock = options.clock ?? systemClock;
  const limits = { ...DEFAULTS, ...Object.fromEntries(Object.entries(options).filter(([k, v]) => k in DEFAULTS && v !== undefined)) };
  const { line, release } = lineTo(url, clock);
  const closed = new AbortController();
  const callsWith = (deadlineMs: number, limitMs: number): Calls => new Calls(line, clock, { deadlineMs, limitMs }, closed.signal);
  const [appending, reading, asking] = [callsWith(limits.deadlineMs, limits.limitMs), callsWith(limits.deadlineMs, limits.limitMs), callsWith(limits.probeMs, limits.probeMs)];
  const reader = new LogReader(reading, names);
  try {
    const feed = new LogFeed(await firstHead(reader, clock, limits.startMs, shown));
    const appends = new AppendLine(appending, reader, limits);
    const subscription = new LogSubscription(asking, names, feed, clock, limits, closed.signal);
    feed.heard(clock.monotonic());
    subscription.start();
    return {
      eventStore: new EventStoreDBEventStore(appends, reader, subscription, clock, limits, closed.signal),
      failing: () => Promise.resolve(failing(appending, subscription, feed, clock)),
      warnings,
      async close() {
        await appends.close();
        closed.abort();
        feed.wake();
        await subscription.ended();
        await release();
      },
    };
  } catch (error) {
    closed.abort();
    await release();
    throw error;
  }
}

/** The server may start later than this process. */
async function firstHead(reader: LogReader, clock: Clock, startMs: number, shown: string): Promise<string> {
  const end = clock.monotonic() + startMs;
  const awake = setInterval(() => undefined, 60_000); // a process that only waits would end
  try {
    return await untilHeard(reader, clock, end, shown);
  } finally {
    clearInterval(awake);
  }
}

async function untilHeard(reader: LogReader, clock: Clock, end: number, shown: string): Promise<string> {
  for (;;) {
    try {
      return (await reader.head()) ?? ORIGIN;
    } catch (error) {
      const { cause } = error as Error;
      if (reactionTo(cause) === 'denied') throw new Unavailable(`EventStoreDB at ${shown} (it does not let this user in: ${sentenceOf(cause)})`, 1000, { cause });
      if (!(error instanceof Unavailable) || clock.monotonic() >= end) throw new Unavailable(`EventStoreDB at ${shown} (${sentenceOf(cause ?? error)})`, 1000, { cause });
    }
    await new Promise<void>((resolve) => { clock.after(250, resolve); });
  }
}

function failing(appending: Calls, subscription: LogSubscription, feed: LogFeed, clock: Clock): { part: string; reason: string }[] {
  const now = clock.monotonic();
  const found: { part: string; reason: string }[] = [];
  if (appending.failure && now - appending.failedAt < TOLD_FOR_MS) found.push({ part: 'log', reason: appending.failure });
  if (feed.refused) found.push({ part: 'log', reason: feed.refused.message });
  else if (now - feed.heardAt > HEARD_WITHIN_MS) {
    found.push({ part: 'log', reason: `nothing was heard from EventStoreDB for ${Math.round((now - feed.heardAt) / 1000)} s${subscription.failure ? `: ${subscription.failure}` : ''}` });
  }
  return found;
}
