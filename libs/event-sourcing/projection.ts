import type { Catalogue, FoldedEventOf } from './event.js';

/** Row fields may be any JSON; names are `[A-Za-z0-9_]+`. A row is at most 64 kB. */
export type Row = Record<string, unknown>;

/**
 * A read model: which rows an event touches, and how one row takes it. Pure. A fold sees its row and the event,
 * nothing else, so that a row at position p is a function of the log up to p. Searchable fields come in the open (null: erased).
 */
export interface Projection<Events extends Catalogue, R extends Row> {
  /** collection and checkpoint name; a new shape is a new version beside the old one */
  name: string;
  version: number;
  /** stream categories it follows: `message` for `message-…` */
  follows: string[];
  /** every index is a list of row fields; an equality prefix and one range or sort after it are served by one */
  indexes: Record<string, (keyof R & string)[]>;
  /** each row is of one stream alone, and begins with that stream's first event: then nothing is read for it */
  rowPerStream?: boolean;
  keys(event: FoldedEventOf<Events>): string[];
  fold(row: R | null, event: FoldedEventOf<Events>, id: string): R | null;
}
export type AnyProjection = Projection<any, any>;
export const projection = <Events extends Catalogue, R extends Row>(p: Projection<Events, R>): Projection<Events, R> => p;
