import type { DatabaseSync } from 'node:sqlite';
import { INDEXED_SCHEMA, LateIndex } from '#libs/engines/embedded/late-index';

/** Where the events of a stream stand: `stream` is its `streamKey`. Made from the log whenever wanted; may lag behind (`LateIndex`). */
export const STREAMS_SCHEMA = `
  CREATE TABLE streams (stream INTEGER, revision INTEGER, position INTEGER, PRIMARY KEY (stream, revision, position)) STRICT, WITHOUT ROWID;
  ${INDEXED_SCHEMA}`;

/** 53 bits for a stream's name, so that the index is small. Two streams may share one: who looks there compares the name too. */
export function streamKey(stream: string): number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < stream.length; i++) {
    const c = stream.charCodeAt(i);
    a = Math.imul(a ^ c, 2654435761);
    b = Math.imul(b ^ c, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (b & 0x1fffff) + (a >>> 0);
}

/** A stream's newest events: the revision of the first, and where each stands. */
export interface TailOf { revision: number; positions: number[] }

/** The events that the index may not hold yet, by stream: always the end of a stream, without gaps. */
export class Tail {
  readonly #streams = new Map<string, TailOf>();
  #upto = 0;

  of(stream: string): TailOf | undefined { return this.#streams.get(stream); }

  /** `count` events that end with this revision at this position. */
  add(stream: string, count: number, revision: number, position: number): void {
    const of = this.#streams.get(stream);
    const first = position - count + 1;
    if (!of) this.#streams.set(stream, { revision: revision - count + 1, positions: count === 1 ? [position] : Array.from({ length: count }, (_, i) => first + i) });
    // `push` makes room for 17 more: nearly every stream gets one or two
    else if (of.positions.length < 4 && count === 1) of.positions = [...of.positions, position];
    else for (let p = first; p <= position; p++) of.positions.push(p);
  }

  /** The index holds what stands up to here. */
  indexed(upto: number): void {
    if (upto === this.#upto) return;
    this.#upto = upto;
    for (const [stream, of] of this.#streams) {
      const gone = of.positions.findIndex((p) => p > upto);
      if (gone < 0) this.#streams.delete(stream);
      else if (gone > 0) this.#streams.set(stream, { revision: of.revision + gone, positions: of.positions.slice(gone) });
    }
  }
}

/** The index, brought up to the log's end. */
export function openStreams(db: DatabaseSync): LateIndex {
  db.exec('BEGIN IMMEDIATE');
  const index = new LateIndex(db, { streams: 3 });
  const missing = db.prepare('SELECT position, stream, revision FROM events WHERE position > ? ORDER BY position LIMIT 20000');
  for (;;) {
    const rows = missing.all(index.upto) as { position: number; stream: string; revision: number }[];
    if (rows.length === 0) break;
    for (const r of rows) index.add(r.position, [streamKey(r.stream), r.revision, r.position]);
    index.all();
  }
  db.exec('COMMIT');
  return index;
}

// The key alone may be another stream's too, so the name is compared. No `LIMIT ?`: SQLite compiles such a statement anew with each value.
const OF_STREAM = 'FROM streams s JOIN events e ON e.position = s.position WHERE s.stream = ?';
/** By `streamKey`, revision from, revision to (not included), stream. */
export const rangeOf = (columns: string): string => `SELECT ${columns} ${OF_STREAM} AND s.revision >= ? AND s.revision < ? AND e.stream = ? ORDER BY s.revision`;
/** By `streamKey`, stream. */
export const lastOf = (columns: string): string => `SELECT ${columns} ${OF_STREAM} AND e.stream = ? ORDER BY s.revision DESC LIMIT 1`;

/** Where to look for the revisions from `from` to `to` (not included): those up to `indexed` in the index, the others at these positions. */
export function whereIs(tail: TailOf | undefined, from: number, to: number): { indexed: number; positions: number[] } {
  if (!tail || to <= tail.revision) return { indexed: to, positions: [] };
  return { indexed: tail.revision, positions: tail.positions.slice(Math.max(0, from - tail.revision), to - tail.revision) };
}
