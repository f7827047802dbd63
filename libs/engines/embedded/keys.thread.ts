import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openFile, settle } from '#libs/engines/embedded/durable-file';
import { answer, isDisk, serve } from '#libs/engines/embedded/serve';
import type { KeyCandidate, KeyRecord } from '#libs/event-sourcing/ports/keys';

/** A forgotten key keeps its id, without material. A period's name stays too: it must never be issued anew. */
const SCHEMA = `
  CREATE TABLE keys (id TEXT PRIMARY KEY, wrapped BLOB) STRICT, WITHOUT ROWID;
  CREATE TABLE hashes (hash TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX hashes_id ON hashes (id);
  CREATE TABLE constants (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT`;

export type KeysRequest =
  | { op: 'claim'; candidates: readonly KeyCandidate[] } | { op: 'find'; hashes: readonly string[] } | { op: 'keys'; ids: readonly string[] }
  | { op: 'forget'; ids: readonly string[] } | { op: 'rewrap'; records: readonly KeyRecord[] }
  | { op: 'list'; after: string | null; limit: number } | { op: 'constant'; name: string; value: Uint8Array };
type Stored = { id: string; wrapped: Uint8Array | null } | undefined;

const SQL = {
  byHash: 'SELECT h.id AS id, k.wrapped AS wrapped FROM hashes h JOIN keys k ON k.id = h.id WHERE h.hash = ?',
  byId: 'SELECT id, wrapped FROM keys WHERE id = ?',
  addKey: 'INSERT INTO keys (id, wrapped) VALUES (?, ?) ON CONFLICT DO NOTHING',
  addHash: 'INSERT INTO hashes (hash, id) VALUES (?, ?)',
  find: 'SELECT id FROM hashes WHERE hash = ?',
  wipe: 'UPDATE keys SET wrapped = NULL WHERE id = ?',
  unhash: "DELETE FROM hashes WHERE id = ? AND hash NOT GLOB 'period:*'",
  rewrap: 'UPDATE keys SET wrapped = ?2 WHERE id = ?1 AND wrapped IS NOT NULL',
  list: 'SELECT id, wrapped FROM keys WHERE id > ? AND wrapped IS NOT NULL ORDER BY id LIMIT ?',
  addConstant: 'INSERT INTO constants (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING',
  constant: 'SELECT value FROM constants WHERE name = ?',
};
type Statements = Record<keyof typeof SQL, StatementSync>;

const recordOf = (row: Exclude<Stored, undefined>): KeyRecord | 'forgotten' => (row.wrapped ? { id: row.id, wrapped: row.wrapped } : 'forgotten');

function perform(s: Statements, r: KeysRequest): unknown {
  switch (r.op) {
    case 'claim': return r.candidates.map(({ hash, id, wrapped }) => {
      const there = s.byHash.get(hash) as Stored;
      if (there) return recordOf(there);
      s.addKey.run(id, wrapped);
      const mine = s.byId.get(id) as Exclude<Stored, undefined>;
      if (mine.wrapped) s.addHash.run(hash, id);
      return recordOf(mine);
    });
    case 'find': return r.hashes.map((h) => (s.find.get(h) as { id: string } | undefined)?.id ?? null);
    case 'keys': return new Map(r.ids.flatMap((id) => {
      const row = s.byId.get(id) as Stored;
      return row ? [[id, recordOf(row)] as const] : [];
    }));
    case 'forget': for (const id of r.ids) { s.wipe.run(id); s.unhash.run(id); } return null;
    case 'rewrap': for (const { id, wrapped } of r.records) s.rewrap.run(id, wrapped); return null;
    case 'list': return s.list.all(r.after ?? '', r.limit);
    case 'constant':
      s.addConstant.run(r.name, r.value);
      return (s.constant.get(r.name) as { value: Uint8Array }).value;
  }
}

/** All calls that waited are one transaction and one flush. When it fails all are unavailable, and the file is opened and settled anew. */
export function keyDirectory(open: () => DatabaseSync) {
  let db: DatabaseSync | null = null;
  let statements: Statements | null = null;
  const ready = (): { db: DatabaseSync; s: Statements } => {
    db ??= open();
    const d = db;
    statements ??= Object.fromEntries(Object.entries(SQL).map(([name, sql]) => [name, d.prepare(sql)])) as Statements;
    return { db: d, s: statements };
  };
  const close = (): void => {
    const d = db;
    db = null;
    statements = null;
    d?.close();
  };
  return {
    ready,
    close,
    run(requests: KeysRequest[]): unknown[] {
      try {
        const { db: d, s } = ready();
        d.exec('BEGIN IMMEDIATE');
        const answers = requests.map((r) => ({ value: perform(s, r) }));
        d.exec('COMMIT');
        // the key material stands in the write-ahead log until that is emptied: only then is it destroyed
        if (requests.some((r) => r.op === 'forget' || r.op === 'rewrap')) settle(d);
        return answers;
      } catch (error) {
        try { close(); } catch { /* it is given up either way */ }
        // one call's fault is not the others'
        if (requests.length > 1 && !isDisk(error)) return requests.flatMap((r) => this.run([r]));
        return requests.map(() => answer(() => { throw error; }));
      }
    },
  };
}

serve<{ path: string }>('keys.thread', ({ path }) => {
  const keys = keyDirectory(() => openFile({ path, synchronous: 'FULL', cacheKib: 2048, version: 1, schema: SCHEMA, secureDelete: true }));
  keys.ready();
  return { ready: null, run: (requests) => keys.run(requests as KeysRequest[]), close: keys.close };
});
