import { Unavailable } from '../errors.js';
import type { Position } from '../event.js';
import type { Batch, EventStore } from '../ports/event-store.js';
import type { Clock } from './clock.js';

/** Where a follower is, and what stopped it. */
export interface FollowerStatus {
  name: string;
  position: Position | null;
  /** events taken since start */
  events: number;
  /** monotonic time of the last word from the log */
  heardAt: number;
  /** why it stands still, in a sentence; null while it runs */
  stopped: string | null;
  /** what it had written was lost: it begins at the log's first event, and this is how far it was; null once it is there again */
  anew: Position | null;
}

export interface Follower {
  name: string;
  prefixes: readonly string[];
  /** where to begin: the last position it has safely dealt with */
  start(): Promise<Position | null>;
  /** under load, wait so long (ms) before the next batch, so that batches are fewer and larger */
  gatherMs?: number;
  /** Deals with a batch. What it throws stops it, but Unavailable, which is tried again with back-off. */
  handle(batch: Batch): Promise<void>;
  /** The log was seen up to here, and nothing in it was for this follower since `before`. */
  idle?(position: Position, before: Position | null): Promise<void>;
}

/** Batches of this size tell of load (fewer: nothing to gain), and of lag (more: no time to lose). */
const GATHER_FROM = 4, GATHER_TO = 400;

/** Stands around a follower's work on a batch, for traces and the like; must do the work. */
export type Around = (follower: string, events: Batch['events'], work: () => Promise<void>) => Promise<void>;

/** Runs a follower until the signal aborts. Never rejects: what stops it stands in the status. */
export async function follow(store: EventStore, follower: Follower, status: FollowerStatus, clock: Clock, signal: AbortSignal, around?: Around): Promise<void> {
  let wait = 100;
  while (!signal.aborted) {
    try {
      const from = await follower.start();
      if (from === null && status.position !== null) status.anew ??= status.position;
      status.position = from;
      status.heardAt = clock.monotonic();
      for await (const batch of store.subscribe(from, follower.prefixes, signal)) {
        if (batch.events.length > 0) await (around ? around(follower.name, batch.events, () => follower.handle(batch)) : follower.handle(batch));
        // of an empty log nothing was seen: a checkpoint would look as if it lay ahead of it
        else if (batch.position !== status.position && (await store.head()) !== null) await follower.idle?.(batch.position, status.position);
        status.position = batch.position;
        status.stopped = null;
        if (status.anew !== null && batch.position >= status.anew) status.anew = null;
        status.events += batch.events.length;
        status.heardAt = clock.monotonic();
        wait = 100;
        if (follower.gatherMs && batch.events.length >= GATHER_FROM && batch.events.length < GATHER_TO) await pause(follower.gatherMs, clock, signal);
      }
      if (signal.aborted) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Unavailable)) {
        status.stopped = error instanceof Error ? error.message : String(error);
        return;
      }
    }
    await pause(wait, clock, signal);
    wait = Math.min(wait * 2, 5_000);
  }
}

/** Ends early when the signal aborts. */
export const pause = (ms: number, clock: Clock, signal: AbortSignal): Promise<void> => new Promise((resolve) => {
  const end = (): void => { stop(); signal.removeEventListener('abort', end); resolve(); };
  const stop = clock.after(ms, end);
  signal.addEventListener('abort', end, { once: true });
});

export const statusOf = (name: string): FollowerStatus => ({ name, position: null, events: 0, heardAt: 0, stopped: null, anew: null });
