import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { answer, serve } from '#libs/engines/embedded/serve';

export type ReaderRequest =
  /** a stream's events from a revision; `FlatRows` */
  | { op: 'read'; stream: string; from: number; limit: number }
  | { op: 'last'; stream: string }
  /** events after a position, up to and including `to`, of streams within any of the ranges (pairs of from ≤ name < to) */
  | { op: 'window'; after: number; to: number; ranges: string[]; limit: number }
  /** a query of views.db: its rows as arrays of columns */
  | { op: 'view'; sql: string; params: SQLInputValue[] };

/** Per event: position, stream, revision, id, type, data, meta, sum. `cut`: stopped for size, there may be more. */
export interface FlatRows { flat: (string | number)[]; cut: boolean }

const COLUMNS = 'position, stream, revision, id, type, data, meta, sum';
/** of one answer: so that a batch of large events does not fill the memory */
const ANSWER_CHARS = 4 * 1024 * 1024;
const STATEMENTS = 200;

const quiet = (path: string): DatabaseSync => {
  const db = new DatabaseSync(path, { readOnly: true });
  db.exec('PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY');
  return db;
};

/** Prepared once per text; the oldest make room. */
function statements(db: DatabaseSync): (sql: string) => StatementSync {
  const known = new Map<string, StatementSync>();
  return (sql) => {
    let s = known.get(sql);
    if (s) return s;
    s = db.prepare(sql);
    s.setReturnArrays(true);
    known.set(sql, s);
    if (known.size > STATEMENTS) known.delete(known.keys().next().value!);
    return s;
  };
}

function rows(statement: StatementSync, params: SQLInputValue[]): FlatRows {
  const flat: (string | number)[] = [];
  let chars = 0;
  for (const row of statement.iterate(...params) as unknown as Iterable<(string | number)[]>) {
    flat.push(...row);
    chars += (row[5] as string).length + (row[6] as string).length;
    if (chars > ANSWER_CHARS) return { flat, cut: true };
  }
  return { flat, cut: false };
}

serve<{ log: string; views: string }>('reader.thread', (paths) => {
  const log = quiet(paths.log);
  const views = quiet(paths.views);
  const ofLog = statements(log);
  const ofViews = statements(views);

  const perform = (r: ReaderRequest): unknown => {
    switch (r.op) {
      case 'read': return rows(ofLog(`SELECT ${COLUMNS} FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?`), [r.stream, r.from, r.limit]);
      case 'last': return rows(ofLog(`SELECT ${COLUMNS} FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1`), [r.stream]);
      case 'window': {
        const within = r.ranges.length === 0 ? '1' : Array.from({ length: r.ranges.length / 2 }, () => 'stream >= ? AND stream < ?').join(' OR ');
        const sql = `SELECT ${COLUMNS} FROM events NOT INDEXED WHERE position > ? AND position <= ? AND (${within}) ORDER BY position LIMIT ?`;
        return rows(ofLog(sql), [r.after, r.to, ...r.ranges, r.limit]);
      }
      case 'view': return ofViews(r.sql).all(...r.params);
    }
  };

  return {
    ready: null,
    run: (requests) => requests.map((r) => answer(() => perform(r as ReaderRequest))),
    close: () => { log.close(); views.close(); },
  };
});
