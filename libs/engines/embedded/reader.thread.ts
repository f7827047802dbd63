import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { answer, serve } from '#libs/engines/embedded/serve';
import { lastOf, rangeOf, streamKey } from '#libs/engines/embedded/stream-index';

export type ReaderRequest =
  /** a stream's events: of the index those with revisions from `from` to `to` (not included), then those at these positions; `FlatRows` */
  | { op: 'read'; stream: string; from: number; to: number; positions: number[] }
  /** the last that the index knows of */
  | { op: 'last'; stream: string }
  /** events after a position, up to and including `to`, of streams within any of the ranges (pairs of from ≤ name < to) */
  | { op: 'window'; after: number; to: number; ranges: string[]; limit: number }
  /** a query of views.db: its rows as arrays of columns */
  | { op: 'view'; sql: string; params: SQLInputValue[] };

/** Per event: position, stream, revision, id, type, data, meta, sum. `cut`: stopped for size, there may be more. */
export interface FlatRows { flat: (string | number)[]; cut: boolean }

const COLUMNS = 'e.position, e.stream, e.revision, e.id, e.type, e.data, e.meta, e.sum';
const AT = `SELECT ${COLUMNS} FROM events e WHERE e.position = ?`;
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

type Row = (string | number)[];

function flattened(found: Iterable<Row>): FlatRows {
  const flat: Row = [];
  let chars = 0;
  for (const row of found) {
    flat.push(...row);
    chars += (row[5] as string).length + (row[6] as string).length;
    if (chars > ANSWER_CHARS) return { flat, cut: true };
  }
  return { flat, cut: false };
}

const rows = (statement: StatementSync, params: SQLInputValue[]): Iterable<Row> => statement.iterate(...params) as unknown as Iterable<Row>;

serve<{ log: string; views: string }>('reader.thread', (paths) => {
  const log = quiet(paths.log);
  const views = quiet(paths.views);
  const ofLog = statements(log);
  const ofViews = statements(views);

  const perform = (r: ReaderRequest): unknown => {
    switch (r.op) {
      case 'read': return flattened(function* () {
        if (r.from < r.to) yield* rows(ofLog(rangeOf(COLUMNS)), [streamKey(r.stream), r.from, r.to, r.stream]);
        for (const p of r.positions) yield* ofLog(AT).all(p) as unknown as Row[];
      }());
      case 'last': return flattened(rows(ofLog(lastOf(COLUMNS)), [streamKey(r.stream), r.stream]));
      case 'window': {
        const within = r.ranges.length === 0 ? '1' : Array.from({ length: r.ranges.length / 2 }, () => 'e.stream >= ? AND e.stream < ?').join(' OR ');
        const sql = `SELECT ${COLUMNS} FROM events e NOT INDEXED WHERE e.position > ? AND e.position <= ? AND (${within}) ORDER BY e.position LIMIT ?`;
        return flattened(rows(ofLog(sql), [r.after, r.to, ...r.ranges, r.limit]));
      }
      case 'view': return ofViews(r.sql).all(...r.params);
    }
  };

  return {
    ready: null,
    run(requests) {
      // one look at the log for all who wait: locking it for each costs more than to read an event
      log.exec('BEGIN');
      try {
        return requests.map((r) => answer(() => perform(r as ReaderRequest)));
      } finally {
        if (log.isTransaction) log.exec('ROLLBACK'); // a commit would fail beside a read that broke off
      }
    },
    close: () => { log.close(); views.close(); },
  };
});
