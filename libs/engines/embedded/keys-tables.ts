import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { INDEXED_SCHEMA, LateIndex } from '#libs/engines/embedded/late-index';
import type { KeyRecord } from '#libs/event-sourcing/ports/keys';

export const KEYS_VERSION = 2;

/**
 * Keys in the order of their making, and indexes that follow (`LateIndex`). A forgotten key keeps its id, without
 * material or hash; a period's name stays too: it must never be issued anew. A further hash of a key stands in
 * `more_hashes`. The first and the last lines take over a file of version 1.
 */
export const KEYS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, wrapped BLOB) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hashes (hash TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS hashes_id ON hashes (id);
  CREATE TABLE issued (number INTEGER PRIMARY KEY, id TEXT NOT NULL, hash TEXT, wrapped BLOB) STRICT;
  CREATE TABLE by_hash (hash TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE by_id (id TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE more_hashes (number INTEGER, hash TEXT, PRIMARY KEY (number, hash)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS constants (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
  ${INDEXED_SCHEMA};
  INSERT INTO issued (id, hash, wrapped) SELECT id, (SELECT min(hash) FROM hashes h WHERE h.id = k.id), wrapped FROM keys k;
  INSERT INTO by_id SELECT id, number FROM issued;
  INSERT INTO by_hash SELECT h.hash, i.number FROM hashes h JOIN by_id i ON i.id = h.id;
  INSERT INTO more_hashes SELECT b.number, b.hash FROM by_hash b JOIN issued i ON i.number = b.number WHERE b.hash <> i.hash;
  UPDATE indexed SET upto = (SELECT coalesce(max(number), 0) FROM issued);
  DROP TABLE hashes; DROP TABLE keys`;

const SQL = {
  last: 'SELECT coalesce(max(number), 0) FROM issued',
  missing: 'SELECT number, hash, id FROM issued WHERE number > ? ORDER BY number LIMIT 20000',
  either: 'SELECT 1 FROM by_hash WHERE hash = ?1 UNION ALL SELECT 1 FROM by_id WHERE id = ?2 LIMIT 1',
  byHash: 'SELECT number FROM by_hash WHERE hash = ?',
  byId: 'SELECT number FROM by_id WHERE id = ?',
  at: 'SELECT id, wrapped FROM issued WHERE number = ?',
  issue: 'INSERT INTO issued (number, id, hash, wrapped) VALUES (?, ?, ?, ?)',
  also: 'INSERT INTO more_hashes (number, hash) VALUES (?, ?)',
  addHash: 'INSERT INTO by_hash (hash, number) VALUES (?, ?)',
  unhash: `DELETE FROM by_hash WHERE hash NOT GLOB 'period:*'
    AND hash IN (SELECT hash FROM issued WHERE number = ?1 UNION ALL SELECT hash FROM more_hashes WHERE number = ?1)`,
  unhashMore: "DELETE FROM more_hashes WHERE number = ? AND hash NOT GLOB 'period:*'",
  wipe: "UPDATE issued SET wrapped = NULL, hash = iif(hash GLOB 'period:*', hash, NULL) WHERE number = ?",
  rewrap: 'UPDATE issued SET wrapped = ?2 WHERE number = ?1 AND wrapped IS NOT NULL',
  list: 'SELECT b.id, i.wrapped FROM by_id b JOIN issued i ON i.number = b.number WHERE b.id > ? AND i.wrapped IS NOT NULL ORDER BY b.id LIMIT ?',
  addConstant: 'INSERT INTO constants (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING',
  constant: 'SELECT value FROM constants WHERE name = ?',
};

/** What a text leads to, as long as the index may not hold it. Filled in the order of the numbers. */
class Fresh extends Map<string, number> {
  indexed(upto: number): void {
    for (const [text, number] of this) {
      if (number > upto) return;
      this.delete(text);
    }
  }
}

export type KeysTables = ReturnType<typeof openKeys>;

/** The tables of keys.db, with the indexes brought up to date. All but opening is done within the caller's transaction. */
export function openKeys(db: DatabaseSync) {
  const s = Object.fromEntries(Object.entries(SQL).map(([name, sql]) => {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    return [name, statement];
  })) as Record<keyof typeof SQL, StatementSync>;
  const one = <T>(statement: StatementSync, key: string | number): T | undefined => (statement.get(key) as unknown as [T] | undefined)?.[0];
  const hashes = new Fresh();
  const ids = new Fresh();
  db.exec('BEGIN IMMEDIATE');
  const index = new LateIndex(db, { by_hash: 2, by_id: 2 });
  for (;;) {
    const rows = s.missing.all(index.upto) as unknown as [number: number, hash: string, id: string][];
    if (rows.length === 0) break;
    for (const [number, hash, id] of rows) index.add(number, [hash, number], [id, number]);
    index.all();
  }
  db.exec('COMMIT');
  let last = (s.last.get() as unknown as [number])[0];
  let committed = last;

  const numberOf = (id: string): number | undefined => ids.get(id) ?? one<number>(s.byId, id);
  const recordAt = (number: number): KeyRecord | 'forgotten' => {
    const [id, wrapped] = s.at.get(number) as unknown as [string, Uint8Array | null];
    return wrapped ? { id, wrapped } : 'forgotten';
  };
  const settleIndex = (): void => {
    index.all();
    hashes.clear();
    ids.clear();
  };

  return {
    /** Null: this candidate stands. */
    claim(hash: string, id: string, wrapped: string): KeyRecord | 'forgotten' | null {
      const fresh = hashes.get(hash);
      if (fresh === undefined && !ids.has(id) && !s.either.get(hash, id)) {
        s.issue.run(++last, id, hash, Buffer.from(wrapped, 'latin1'));
        index.add(last, [hash, last], [id, last]);
        hashes.set(hash, last);
        ids.set(id, last);
        return null;
      }
      const there = fresh ?? one<number>(s.byHash, hash);
      if (there !== undefined) return recordAt(there);
      const mine = numberOf(id)!;
      const record = recordAt(mine);
      if (record !== 'forgotten') {
        s.also.run(mine, hash);
        s.addHash.run(hash, mine);
      }
      return record;
    },

    find(hash: string): string | null {
      const number = hashes.get(hash) ?? one<number>(s.byHash, hash);
      return number === undefined ? null : one<string>(s.at, number) ?? null;
    },

    key(id: string): KeyRecord | 'forgotten' | null {
      const number = numberOf(id);
      return number === undefined ? null : recordAt(number);
    },

    forget(these: readonly string[]): void {
      settleIndex(); // nothing of a forgotten key may come into an index later
      for (const id of these) {
        const number = numberOf(id);
        if (number !== undefined) for (const statement of [s.unhash, s.unhashMore, s.wipe]) statement.run(number);
      }
    },

    rewrap(id: string, wrapped: Uint8Array): void {
      const number = numberOf(id);
      if (number !== undefined) s.rewrap.run(number, wrapped);
    },

    list(after: string, limit: number): KeyRecord[] {
      settleIndex();
      return (s.list.all(after, limit) as unknown as [string, Uint8Array][]).map(([id, wrapped]) => ({ id, wrapped }));
    },

    constant(name: string, value: Uint8Array): Uint8Array {
      s.addConstant.run(name, value);
      return one<Uint8Array>(s.constant, name)!;
    },

    beforeCommit(): void {
      if (last > committed) index.step(last - committed);
    },

    afterCommit(): void {
      committed = last;
      hashes.indexed(index.upto);
      ids.indexed(index.upto);
    },
  };
}
