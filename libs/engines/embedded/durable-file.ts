import { basename } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDamage } from '#libs/engines/embedded/serve';

export interface FileOptions {
  path: string;
  /** FULL: a commit is on the disk when it answers. NORMAL: a power cut may lose the last ones, never tear one. */
  synchronous: 'FULL' | 'NORMAL';
  cacheKib: number;
  /** the shape of its tables; a file of a newer program is refused */
  version: number;
  schema: string;
  /** overwrite what is deleted */
  secureDelete?: boolean;
  /** how long to wait for a reader that is in the way */
  busyMs?: number;
}

/**
 * Opens a database file of this engine for writing, makes its tables, and brings everything that is seen in it to the
 * disk proper (see `settle`). Throws with `damage: true`, naming the file, when it is not whole.
 */
export function openFile(o: FileOptions, open = (path: string) => new DatabaseSync(path)): DatabaseSync {
  let db: DatabaseSync | null = null;
  try {
    db = open(o.path);
    db.exec(`PRAGMA busy_timeout=${o.busyMs ?? 5000}; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-${o.cacheKib}; PRAGMA temp_store=MEMORY;
      PRAGMA journal_mode=WAL; PRAGMA synchronous=${o.synchronous}; PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=${o.secureDelete ? 'ON' : 'OFF'}`);
    const version = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
    if (version > o.version) throw Object.assign(new Error(`${basename(o.path)} was written by a newer program (version ${version}, this one knows ${o.version})`), { damage: true });
    if (version < o.version) db.exec(`BEGIN IMMEDIATE; ${o.schema}; PRAGMA user_version=${o.version}; COMMIT`);
    settle(db);
    return db;
  } catch (error) {
    try { db?.close(); } catch { /* the first error tells more */ }
    if (isDamage(error) && !(error as { damage?: boolean }).damage) {
      throw Object.assign(new Error(`${basename(o.path)} is damaged: ${(error as Error).message}`), { damage: true });
    }
    throw error;
  }
}

/**
 * Copies the write-ahead log into the file, flushes it and empties the write-ahead log; throws if any of it fails.
 * After a kill, commits may be seen that were never flushed: nobody may act on them before they are.
 */
export function settle(db: DatabaseSync): void {
  const row = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
  if (row.busy !== 0) throw Object.assign(new Error('the write-ahead log could not be emptied: somebody else is reading it'), { code: 'ERR_SQLITE_ERROR' });
}
