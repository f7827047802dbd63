import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Bound, type Table, columnOf, columnsOf, fieldsOf, indexOf, tableOf } from '#libs/engines/embedded/columns';
import { openFile } from '#libs/engines/embedded/durable-file';
import { answer, serve } from '#libs/engines/embedded/serve';
import type { Row } from '#libs/event-sourcing/projection';

const VERSION = 2;
/** A file of version 1 keeps its views and gets the marks beside them. A mark is JSON that begins with its position. */
export const VIEWS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS collections (name TEXT PRIMARY KEY, indexes TEXT NOT NULL, checkpoint TEXT) STRICT;
  CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, mark TEXT NOT NULL) STRICT`;

export type ViewsRequest =
  | { op: 'define'; table: Table }
  /** `values`: per row id, position, row as JSON or null, then a value per field */
  | { op: 'apply'; name: string; fields: readonly string[]; values: Bound[]; checkpoint: string | null; mark: string | null }
  /** sees to it that the collection has its indexes */
  | { op: 'index'; table: Table }
  | { op: 'drop'; name: string };

/** So many rows at once are of a rebuild: the indexes can wait until it is done. */
const REBUILDING = 1000;

function transaction(db: DatabaseSync, work: () => void): null {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
  return null;
}

/** `live` stands in each index too, so that a count reads the index alone. */
function create(db: DatabaseSync, table: Table, as: string): void {
  const columns = fieldsOf(table).map((f) => `, ${columnOf(f)}`).join('');
  db.exec(`CREATE TABLE ${as} (id TEXT PRIMARY KEY, position TEXT NOT NULL, row TEXT, live INTEGER NOT NULL${columns})`);
}

const insertInto = (as: string, fields: readonly string[]): string =>
  `INSERT INTO ${as} (id, position, row, live${fields.map((f) => `, ${columnOf(f)}`).join('')}) VALUES (?, ?, ?3, ?3 IS NOT NULL${', ?'.repeat(fields.length)})`;

/** Another set of indexes: the table is made anew from its rows, in one transaction. The indexes are made later (`createIndexes`). */
function define(db: DatabaseSync, table: Table): null {
  const indexes = JSON.stringify(table.indexes);
  const before = db.prepare('SELECT indexes FROM collections WHERE name = ?').get(table.name) as { indexes: string } | undefined;
  if (before?.indexes === indexes) return null;
  return transaction(db, () => {
    const name = tableOf(table.name);
    const made = tableOf(`${table.name}:new`);
    create(db, table, made);
    if (before) {
      const fields = fieldsOf(table);
      const insert = db.prepare(insertInto(made, fields));
      const rows = db.prepare(`SELECT id, position, row FROM ${name}`).iterate() as Iterable<{ id: string; position: string; row: string | null }>;
      for (const { id, position, row } of rows) insert.run(id, position, row, ...columnsOf(fields, row === null ? null : JSON.parse(row) as Row));
      db.exec(`DROP TABLE ${name}`);
    }
    db.exec(`ALTER TABLE ${made} RENAME TO ${name}`);
    db.prepare('INSERT INTO collections (name, indexes) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET indexes = ?2').run(table.name, indexes);
  });
}

function createIndexes(db: DatabaseSync, { name, indexes }: Table): void {
  for (const [index, of] of Object.entries(indexes)) {
    db.exec(`CREATE INDEX IF NOT EXISTS ${indexOf(name, index)} ON ${tableOf(name)} (${[...of, 'id'].map(columnOf).join(', ')}, live) WHERE live = 1`);
  }
}

export function viewWriter(db: DatabaseSync) {
  const statements = new Map<string, StatementSync>();
  /** collections whose indexes may not be there yet: a rebuild is twice as fast without */
  const bare = new Map<string, Table>();
  const index = (name: string): void => {
    const table = bare.get(name);
    if (table) createIndexes(db, table);
  };
  const upsert = (name: string, fields: readonly string[]): StatementSync => {
    const sql = `${insertInto(tableOf(name), fields)} ON CONFLICT (id) DO UPDATE SET position = excluded.position, row = excluded.row, live = excluded.live${
      fields.map((f) => `, ${columnOf(f)} = excluded.${columnOf(f)}`).join('')} WHERE excluded.position > position`;
    let statement = statements.get(sql);
    if (!statement) statements.set(sql, statement = db.prepare(sql));
    return statement;
  };
  const seen = db.prepare('UPDATE collections SET checkpoint = ?2 WHERE name = ?1 AND (checkpoint IS NULL OR checkpoint < ?2)');
  const marked = db.prepare('INSERT INTO marks (name, mark) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET mark = excluded.mark WHERE excluded.mark > mark');

  return (r: ViewsRequest): null => {
    switch (r.op) {
      case 'define':
        statements.clear();
        bare.set(r.table.name, r.table);
        return define(db, r.table);
      case 'index':
        transaction(db, () => createIndexes(db, r.table));
        bare.delete(r.table.name);
        return null;
      case 'apply': {
        const width = 3 + r.fields.length;
        const few = r.values.length > 0 && r.values.length < REBUILDING * width;
        transaction(db, () => {
          if (few) index(r.name);
          const statement = upsert(r.name, r.fields);
          for (let i = 0; i < r.values.length; i += width) statement.run(...r.values.slice(i, i + width));
          if (r.checkpoint !== null) seen.run(r.name, r.checkpoint);
          if (r.mark !== null) marked.run(r.name, r.mark);
        });
        if (few) bare.delete(r.name);
        return null;
      }
      case 'drop': return transaction(db, () => {
        statements.clear();
        bare.delete(r.name);
        db.exec(`DROP TABLE IF EXISTS ${tableOf(r.name)}`);
        db.prepare('DELETE FROM collections WHERE name = ?').run(r.name);
        db.prepare('DELETE FROM marks WHERE name = ?').run(r.name);
      });
    }
  };
}

serve<{ path: string }>('views.thread', ({ path }) => {
  const db = openFile({ path, synchronous: 'NORMAL', cacheKib: 8192, version: VERSION, schema: VIEWS_SCHEMA });
  const write = viewWriter(db);
  return { ready: null, run: (requests) => requests.map((r) => answer(() => write(r as ViewsRequest))), close: () => db.close() };
});
