import type { NewEvent, Position, StoredEvent } from '../event.js';

export interface Append {
  stream: string;
  /** revision of the stream's last event, or NO_STREAM */
  expected: number;
  /** at least one; together under 1 MiB as stored */
  events: readonly NewEvent[];
}

/** Where the last event of an append stands. */
export interface Appended { position: Position; revision: number }

export interface Batch {
  events: StoredEvent[];
  /** how far the log was seen: at or past the last event of the batch (events of other prefixes are passed over) */
  position: Position;
}

/** The log: the one truth. An engine holds to `testing/event-store.contract.ts`. */
export interface EventStore {
  /**
   * All or none, durable when it resolves. The same event ids at the same expected revision, even after later events,
   * answer as the first time.
   * @throws VersionConflict when the stream is behind or ahead · Unavailable (nothing acknowledged; the same call is safe again) · TooLarge
   */
  append(stream: string, expected: number, events: readonly NewEvent[]): Promise<Appended>;
  /** Many streams in one flush, each entry for itself: an answer or an error per entry, in order. Never rejects for an entry's sake. */
  appendMany(entries: readonly Append[]): Promise<(Appended | Error)[]>;
  /** Up to `limit` events from revision `from`, in order; `[]` past the end or for a stream that is not there. */
  read(stream: string, from: number, limit: number): Promise<StoredEvent[]>;
  /** The stream's last event, or null. */
  last(stream: string): Promise<StoredEvent | null>;
  /** The next events of streams whose names begin with one of the prefixes (all, if empty), after a position (null: from the start). */
  readAll(after: Position | null, prefixes: readonly string[], limit: number): Promise<Batch>;
  /**
   * Follows the log: what is there, then what comes, in batches; the next batch is fetched when asked for, so a slow
   * reader holds nothing up. Ends when the signal aborts. An idle follower is told the head from time to time by an empty batch.
   * @throws Damaged, Unavailable
   */
  subscribe(after: Position | null, prefixes: readonly string[], signal: AbortSignal): AsyncIterable<Batch>;
  /** The position of the log's last event; null while it is empty. */
  head(): Promise<Position | null>;
}
