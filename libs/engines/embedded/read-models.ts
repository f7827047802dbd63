import type { Position } from '#libs/event-sourcing/event';
import type { Collection, Mark, Query, ReadModels, RowChange, StoredRow } from '#libs/event-sourcing/ports/read-models';
import type { Row } from '#libs/event-sourcing/projection';
import { indexed } from '#libs/event-sourcing/running/served-by';
import { type Bound, type Table, columnsOf, fieldsOf, tableOf } from './columns.js';
import { type Plan, countPlan, findPlan } from './query-plan.js';
import type { ReaderRequest } from './reader.thread.js';
import { reasonOf, type ThreadLink } from './thread-link.js';
import type { ViewsRequest } from './views.thread.js';

const IDS = 500; // in one statement

type Cells = (string | number | null)[];

/** Views on node:sqlite: one thread writes, the reader thread reads, so that a page never waits behind a batch. */
export class EmbeddedReadModels implements ReadModels {
  readonly #defined = new Map<string, { table: Table; fields: string[] }>();
  /** those whose indexes are there for sure */
  readonly #indexed = new WeakSet<Table>();

  #failure: string | null = null;

  constructor(readonly views: ThreadLink, readonly reader: ThreadLink) {}

  async define({ name, indexes }: Collection): Promise<void> {
    const table: Table = indexed(name, indexes);
    await this.views.call({ op: 'define', table } satisfies ViewsRequest);
    this.#defined.set(name, { table, fields: fieldsOf(table) });
  }

  async get<R extends Row>(collection: string, id: string): Promise<StoredRow<R> | null> {
    const found = (await this.getMany(collection, [id])).get(id);
    return found && found.row !== null ? (found as StoredRow<R>) : null;
  }

  async getMany(collection: string, ids: readonly string[]): Promise<Map<string, RowChange>> {
    this.#of(collection);
    const found = new Map<string, RowChange>();
    for (let i = 0; i < ids.length; i += IDS) {
      const some = ids.slice(i, i + IDS);
      // one text for many lengths: the statement is kept
      const sql = `SELECT id, position, row FROM ${tableOf(collection)} WHERE id IN (SELECT value FROM json_each(?))`;
      for (const cells of await this.#rows({ sql, params: [JSON.stringify(some)] })) {
        found.set(cells[0] as string, { id: cells[0] as string, position: cells[1] as string, row: cells[2] === null ? null : JSON.parse(cells[2] as string) as Row });
      }
    }
    return found;
  }

  async find<R extends Row>(collection: string, query: Query): Promise<StoredRow<R>[]> {
    const { table } = this.#of(collection);
    const plan = findPlan(table, query);
    if (!plan) return [];
    await this.#index(table);
    return (await this.#rows(plan)).map(([id, position, row]) => ({ id: id as string, position: position as string, row: JSON.parse(row as string) as R }));
  }

  async count(collection: string, where: Query['where']): Promise<number> {
    const { table } = this.#of(collection);
    const plan = countPlan(table, where);
    if (!plan) return 0;
    await this.#index(table);
    return (await this.#rows(plan)).reduce((sum, [n]) => sum + (n as number), 0);
  }

  async apply(collection: string, rows: readonly RowChange[], checkpoint: Position | null, mark?: Mark): Promise<void> {
    const { fields } = this.#of(collection);
    const values: Bound[] = [];
    for (const { id, position, row } of rows) values.push(id, position, row === null ? null : JSON.stringify(row), ...columnsOf(fields, row));
    try {
      await this.views.call({ op: 'apply', name: collection, fields, values, checkpoint, mark: mark ? markText(mark) : null } satisfies ViewsRequest);
      this.#failure = null;
    } catch (error) {
      this.#failure = reasonOf(error);
      throw error;
    }
  }

  /** Why the last batch of rows was not written, if so. Followers write again by themselves. */
  failing(): string | null { return this.#failure; }

  async checkpoint(collection: string): Promise<Position | null> {
    const [row] = await this.#rows({ sql: 'SELECT checkpoint FROM collections WHERE name = ?', params: [collection] });
    return (row?.[0] ?? null) as Position | null;
  }

  async mark(collection: string): Promise<Mark | null> {
    const [row] = await this.#rows({ sql: 'SELECT mark FROM marks WHERE name = ?', params: [collection] });
    return row ? JSON.parse(row[0] as string) as Mark : null;
  }

  async drop(collection: string): Promise<void> {
    indexed(collection, {});
    this.#defined.delete(collection);
    await this.views.call({ op: 'drop', name: collection } satisfies ViewsRequest);
  }

  async collections(): Promise<{ name: string; rows: number; checkpoint: Position | null }[]> {
    const known = await this.#rows({ sql: 'SELECT name, checkpoint FROM collections ORDER BY name', params: [] });
    return Promise.all(known.map(async ([name, checkpoint]) => {
      const [counted] = await this.#rows({ sql: `SELECT count(*) FROM ${tableOf(name as string)} WHERE live = 1`, params: [] });
      return { name: name as string, rows: counted![0] as number, checkpoint: checkpoint as Position | null };
    }));
  }

  #of(collection: string): { table: Table; fields: string[] } {
    const defined = this.#defined.get(collection);
    if (!defined) throw new Error(`the collection ${collection} is not defined`);
    return defined;
  }

  /** A rebuild goes without indexes until its last rows come, or somebody asks. */
  async #index(table: Table): Promise<void> {
    if (this.#indexed.has(table)) return;
    await this.views.call({ op: 'index', table } satisfies ViewsRequest);
    this.#indexed.add(table);
  }

  #rows({ sql, params }: Plan): Promise<Cells[]> {
    return this.reader.call<Cells[]>({ op: 'view', sql, params } satisfies ReaderRequest);
  }
}

/** Begins with the position: the text of a later mark is greater. */
const markText = ({ position, stream, revision, id, at }: Mark): string => JSON.stringify({ position, stream, revision, id, at } satisfies Mark);
