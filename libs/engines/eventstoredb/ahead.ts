import { LRUCache } from 'lru-cache';
import { Damaged, Unavailable } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import type { Clock } from '#libs/event-sourcing/running/clock';

/** Positions that somebody asks for at one time. */
const MOST = 1000;
/** Whoever asks for one asks again within this (ms), calls that are not answered included. */
const AGAIN_MS = 60_000;

/**
 * Judges a position that lies after the log's end. A node that was just elected, or fell behind, answers so for a while:
 * only what holds is another log.
 */
export class Ahead {
  readonly #seen: LRUCache<Position, { since: number; last: number }>;

  /** @param holdMs so long it must hold before it counts as damage */
  constructor(readonly clock: Clock, readonly holdMs: number) { this.#seen = new LRUCache({ max: MOST }); }

  /** Null where the position is not after the end (`head` null: of an empty log). */
  verdict(position: Position, head: Position | null): Unavailable | Damaged | null {
    if (head !== null && position <= head) {
      this.#seen.delete(position);
      return null;
    }
    const now = this.clock.monotonic();
    const before = this.#seen.get(position);
    // what was seen long ago, and not since, was another time
    const since = before && now - before.last <= AGAIN_MS ? before.since : now;
    this.#seen.set(position, { since, last: now });
    const damaged = aheadOfLog(position, head);
    return now - since >= this.holdMs ? damaged : new Unavailable('the log', 1000, { cause: damaged });
  }
}

const aheadOfLog = (seen: Position, head: Position | null): Damaged =>
  new Damaged(`the log ends ${head === null ? 'before its first event' : `at ${head}`}, before what was already seen of it (a restored backup, or another database?): restore the log, or wipe the views and let them be computed again`, seen);
