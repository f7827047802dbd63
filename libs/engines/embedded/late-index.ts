import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** One row of an index: what it is sorted by comes first. */
export type IndexRow = [key: string | number, ...rest: number[]];

/** How far the indexes of a file follow their table, which has numbers for rows. */
export const INDEXED_SCHEMA = 'CREATE TABLE indexed (upto INTEGER NOT NULL) STRICT; INSERT INTO indexed VALUES (0)';

const RUN = 16_384;

/**
 * Indexes that follow their table at a distance. Random keys touch a page each, in every commit; here they wait in
 * memory until there are many, and are then written in their order, some with each commit: neighbours share a page,
 * and no commit pays for all. Who looks something up looks at what waits first, by means of its own (`Tail`). After a
 * crash, what waited is found again in the table, beyond `upto`; a row that was written already is left as it is.
 */
export class LateIndex {
  readonly #inserts: StatementSync[];
  readonly #setUpto: StatementSync;
  #waiting: IndexRow[][];
  #run: IndexRow[][];
  #written = 0;
  #last: number;
  #runLast: number;
  #upto: number;

  /** @param tables the index tables, and how many columns each has */
  constructor(db: DatabaseSync, tables: Record<string, number>) {
    this.#inserts = Object.entries(tables).map(([t, columns]) => db.prepare(`INSERT OR IGNORE INTO ${t} VALUES (?${', ?'.repeat(columns - 1)})`));
    this.#setUpto = db.prepare('UPDATE indexed SET upto = ?');
    this.#upto = this.#last = this.#runLast = (db.prepare('SELECT upto FROM indexed').get() as { upto: number }).upto;
    this.#waiting = this.#inserts.map(() => []);
    this.#run = this.#inserts.map(() => []);
  }

  /** Rows of the table up to this number are found in the indexes. */
  get upto(): number { return this.#upto; }

  /** A new row of the table, with its row for each index. */
  add(number: number, ...rows: IndexRow[]): void {
    this.#last = number;
    for (let i = 0; i < rows.length; i++) this.#waiting[i]!.push(rows[i]!);
  }

  /** Writes a part, within the caller's transaction. @param added how many rows the table got in it */
  step(added: number): void {
    if (this.#written === this.#run[0]!.length && this.#waiting[0]!.length >= RUN) this.#begin();
    // a little more than comes in: a run is done before the next is due
    this.#write(added + (added >> 2) + 1);
  }

  /** Writes all that waits, within the caller's transaction. */
  all(): void {
    this.#write(Infinity);
    this.#begin();
    this.#write(Infinity);
  }

  #begin(): void {
    this.#run = this.#waiting.map((rows) => rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
    this.#waiting = this.#inserts.map(() => []);
    this.#written = 0;
    this.#runLast = this.#last;
  }

  #write(count: number): void {
    if (this.#upto === this.#runLast) return;
    const to = Math.min(this.#run[0]!.length, this.#written + count);
    this.#inserts.forEach((insert, i) => {
      const rows = this.#run[i]!;
      for (let at = this.#written; at < to; at++) insert.run(...rows[at]!);
    });
    this.#written = to;
    if (to < this.#run[0]!.length) return;
    this.#run = this.#inserts.map(() => []);
    this.#written = 0;
    this.#setUpto.run(this.#upto = this.#runLast);
  }
}
