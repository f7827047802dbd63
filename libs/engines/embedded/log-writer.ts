import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Per entry: stream, expected, count, then count × (id, type, data, meta, sum). Flat, because it is copied between threads. */
export type FlatEntries = (string | number)[];
export interface LogRequest { now: number; entries: FlatEntries }
/** `base`: the head before. `results`: per entry outcome, position, revision. `why`: for the unavailable ones. */
export interface LogAnswer { base: number; results: number[]; why?: string }

export const APPENDED = 0;
export const REPEATED = 1;
export const CONFLICT = 2;
export const UNAVAILABLE = 3;
const FIELDS = 5;
const REOPEN_EVERY_MS = 1000;
const HEADS = 20_000;

interface Entry { stream: string; expected: number; count: number; at: number }
interface Open { db: DatabaseSync; insert: StatementSync; headOf: StatementSync; idsFrom: StatementSync }

/**
 * Writes the log: all entries of a request in one transaction and one flush, each for itself. `open` gives a settled
 * database (`durable-file.ts`) or throws.
 *
 * When a commit fails nobody is told anything until the file was opened again, settled, and read. Why so:
 * - After a failed fsync, Linux marks the pages clean: a later fsync says yes though they never reached the disk. Trying
 *   the commit again, or believing what can be read back, would acknowledge what a power cut takes away.
 * - The write-ahead log may hold the whole commit, with right checksums, behind the point that SQLite rolled back to:
 *   the entries may be found again (now, if every other connection is closed, or after a crash) or not.
 * - Settling writes what counts from the write-ahead log into the file, flushes the *file* (fresh dirty pages, so this
 *   fsync tells the truth) and empties the write-ahead log, so that nothing doubtful can come back later.
 * What is then found is durable and answered as appended; what is not found is gone for good and answered as
 * unavailable: the caller's retry with the same ids is right in both cases. While settling fails, all are unavailable;
 * an entry of theirs that does come back at the next opening was never acknowledged nor denied.
 */
export function logWriter(open: () => DatabaseSync) {
  const heads = new Map<string, number>();
  let at: Open | null = null;
  let head = 0;
  let triedAt = -Infinity;

  const prepare = (): Open => {
    const db = open();
    const opened = {
      db,
      insert: db.prepare('INSERT INTO events (position, stream, revision, id, type, data, meta, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream, revision) DO NOTHING'),
      headOf: db.prepare('SELECT max(revision) AS revision FROM events WHERE stream = ?'),
      idsFrom: db.prepare('SELECT position, id FROM events WHERE stream = ? AND revision > ? ORDER BY revision LIMIT ?'),
    };
    head = (db.prepare('SELECT coalesce(max(position), 0) AS head FROM events').get() as { head: number }).head;
    heads.clear();
    return opened;
  };

  const remember = (stream: string, revision: number): void => {
    heads.delete(stream);
    heads.set(stream, revision);
    if (heads.size > HEADS) heads.delete(heads.keys().next().value!);
  };

  /** The first answer, where these very events already stand after `expected`. */
  const repeated = ({ idsFrom }: Open, e: Entry, flat: FlatEntries): [position: number, revision: number] | null => {
    const there = idsFrom.all(e.stream, e.expected, e.count) as { position: number; id: string }[];
    if (there.length < e.count || there.some((row, i) => row.id !== flat[e.at + i * FIELDS])) return null;
    return [there[e.count - 1]!.position, e.expected + e.count];
  };

  const write = (o: Open, e: Entry, flat: FlatEntries): [outcome: number, position: number, revision: number] => {
    let current = heads.get(e.stream);
    if (current === undefined && e.expected >= 0) current = (o.headOf.get(e.stream) as { revision: number | null }).revision ?? -1;
    // a new stream needs no look: revision 0 can be inserted only once
    if (current === undefined || current === e.expected) {
      let i = 0;
      for (; i < e.count; i++) {
        const a = e.at + i * FIELDS;
        const done = o.insert.run(head + 1, e.stream, e.expected + 1 + i, flat[a]!, flat[a + 1]!, flat[a + 2]!, flat[a + 3]!, flat[a + 4]!);
        if (done.changes === 0) break;
        head++;
      }
      if (i === e.count) {
        remember(e.stream, e.expected + e.count);
        return [APPENDED, head, e.expected + e.count];
      }
      if (i > 0 || current !== undefined) throw new Error(`${e.stream} does not end where it should`);
    }
    const first = repeated(o, e, flat);
    return first ? [REPEATED, ...first] : [CONFLICT, 0, 0];
  };

  const all = (entries: Entry[], base: number, why: string): LogAnswer => ({ base, results: entries.flatMap(() => [UNAVAILABLE, 0, 0]), why });

  const recover = (entries: Entry[], flat: FlatEntries, base: number, now: number, why: string): LogAnswer => {
    try { at?.db.close(); } catch { /* it is given up either way */ }
    at = null;
    head = base; // what was counted in the failed transaction does not stand, unless it is found
    triedAt = now;
    try {
      at = prepare();
      const o = at;
      const results = entries.flatMap((e) => {
        const found = repeated(o, e, flat);
        return found ? [found[0] > base ? APPENDED : REPEATED, ...found] : [UNAVAILABLE, 0, 0];
      });
      return { base, results, why };
    } catch (error) {
      return all(entries, base, `${why}; opening it again: ${(error as Error).message}`);
    }
  };

  return {
    /** Opens for the first time; answers the head. */
    start(): number {
      at = prepare();
      return head;
    },

    append({ now, entries: flat }: LogRequest): LogAnswer {
      const entries = parse(flat);
      if (!at) {
        if (now - triedAt < REOPEN_EVERY_MS) return all(entries, head, 'the log is closed after a failed write');
        triedAt = now;
        try {
          at = prepare();
        } catch (error) {
          return all(entries, head, (error as Error).message);
        }
      }
      const base = head;
      try {
        const o = at;
        o.db.exec('BEGIN IMMEDIATE');
        const results = entries.flatMap((e) => write(o, e, flat));
        o.db.exec('COMMIT');
        return { base, results };
      } catch (error) {
        return recover(entries, flat, base, now, (error as Error).message);
      }
    },

    close(): void {
      at?.db.close();
      at = null;
    },
  };
}

function parse(flat: FlatEntries): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < flat.length;) {
    const count = flat[i + 2] as number;
    entries.push({ stream: flat[i] as string, expected: flat[i + 1] as number, count, at: i + 3 });
    i += 3 + count * FIELDS;
  }
  return entries;
}
