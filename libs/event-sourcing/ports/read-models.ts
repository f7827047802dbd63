import type { Position } from '../event.js';
import type { Row } from '../projection.js';

export type Value = string | number | boolean | null;
export type Condition =
  | { eq: Value } | { in: readonly Value[] }
  | { from?: Value; to?: Value } // from ≤ field < to
  | { prefix: string };

export interface Query {
  where: Record<string, Condition>;
  /** fields of one declared index, in its order, all ascending or all descending */
  sort?: { by: readonly string[]; descending?: boolean };
  /** the sort fields' values of the last row of the page before */
  after?: readonly Value[];
  /** rows to pass over before the page, for lists with page numbers: at most 10,000, and not together with `after` */
  skip?: number;
  /** at most 1,000 */
  limit: number;
}

export interface Collection {
  /** `{projection}@{version}` */
  name: string;
  indexes: Record<string, readonly string[]>;
}

export interface StoredRow<R extends Row = Row> { id: string; position: Position; row: R }
/** `row: null` leaves a tombstone with its position, hidden from queries. */
export interface RowChange { id: string; position: Position; row: Row | null }

/**
 * An event that was seen, by which the log is known again: a log restored from an older backup, which has grown since, has
 * another one there, or none.
 */
export interface Mark {
  position: Position;
  stream: string;
  revision: number;
  id: string;
  /** when it was decided (UTC, ISO 8601) */
  at: string;
}

/** Views: rebuilt from the log whenever wanted. An engine holds to `testing/read-models.contract.ts`. */
export interface ReadModels {
  /** Declares a collection and its indexes; harmless to repeat. Must precede its use. */
  define(collection: Collection): Promise<void>;
  get<R extends Row>(collection: string, id: string): Promise<StoredRow<R> | null>;
  /** The rows that are there, tombstones included as `row: null`: what a projection folds on. */
  getMany(collection: string, ids: readonly string[]): Promise<Map<string, RowChange>>;
  /** @throws Error for a query that no declared index serves: a defect of the reader, found by its test */
  find<R extends Row>(collection: string, query: Query): Promise<StoredRow<R>[]>;
  count(collection: string, where: Query['where']): Promise<number>;
  /**
   * Writes each row only over a lower position, then the checkpoint (how far the log was seen), never the checkpoint alone before its rows.
   * @param mark goes with the checkpoint: the last event up to it that is known; without one the mark that is there stays
   */
  apply(collection: string, rows: readonly RowChange[], checkpoint: Position | null, mark?: Mark): Promise<void>;
  checkpoint(collection: string): Promise<Position | null>;
  /** The mark of the highest position that was written; null where there was none. */
  mark(collection: string): Promise<Mark | null>;
  /** Forgets rows, indexes, checkpoint and mark. */
  drop(collection: string): Promise<void>;
  collections(): Promise<{ name: string; rows: number; checkpoint: Position | null }[]>;
}
