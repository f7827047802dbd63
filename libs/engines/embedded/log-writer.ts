import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LateIndex } from '#libs/engines/embedded/late-index';
import { Tail, lastOf, openStreams, rangeOf, streamKey, whereIs } from '#libs/engines/embedded/stream-index';

/** Per entry: stream, expected, count, then count × (id, type, data, meta, sum); each a line, since none can hold a line break. */
export type EntryLines = string[];
/** One text, because that is copied between threads at least cost. */
export interface LogRequest { now: number; lines: string }
/** `base`: the head before. `upto`: of `LateIndex`. `results`: per entry outcome, position, revision. `why`: for the unavailable ones. */
export interface LogAnswer { base: number; upto: number; results: number[]; why?: string }

export const APPENDED = 0;
export const REPEATED = 1;
export const CONFLICT = 2;
export const UNAVAILABLE = 3;
const FIELDS = 5;
const REOPEN_EVERY_MS = 1000;

interface Entry { stream: string; expected: number; count: number; at: number }
interface Open { db: DatabaseSync; index: LateIndex; tail: Tail; insert: StatementSync; known: StatementSync; endOf: StatementSync; idsFrom: StatementSync; idAt: StatementSync }
type Place = [position: number, id: string];

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
  let at: Open | null = null;
  let head = 0;
  let triedAt = -Infinity;

  const prepare = (): Open => {
    const db = open();
    const arrays = (sql: string): StatementSync => {
      const statement = db.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    };
    try {
      const opened = {
        db,
        index: openStreams(db),
        tail: new Tail(),
        insert: db.prepare('INSERT INTO events (position, stream, revision, id, type, data, meta, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
        known: arrays('SELECT 1 FROM streams WHERE stream = ? LIMIT 1'),
        endOf: arrays(lastOf('s.revision')),
        idsFrom: arrays(rangeOf('e.position, e.id')),
        idAt: arrays('SELECT position, id FROM events WHERE position = ?'),
      };
      head = (db.prepare('SELECT coalesce(max(position), 0) AS head FROM events').get() as { head: number }).head;
      return opened;
    } catch (error) {
      try { db.close(); } catch { /* the first error tells more */ }
      throw error;
    }
  };

  /** The revision that a stream ends with. */
  const endOf = (o: Open, stream: string, key: number): number => {
    const tail = o.tail.of(stream);
    if (tail) return tail.revision + tail.positions.length - 1;
    // a stream is new more often than not: the smaller question first
    return o.known.get(key) ? (o.endOf.get(key, stream) as unknown as [number] | undefined)?.[0] ?? -1 : -1;
  };

  /** The first answer, where these very events already stand after `expected`. */
  const repeated = (o: Open, { stream, expected, count, at: first }: Entry, lines: EntryLines): [position: number, revision: number] | null => {
    const { indexed, positions } = whereIs(o.tail.of(stream), expected + 1, expected + 1 + count);
    const there = o.idsFrom.all(streamKey(stream), expected + 1, indexed, stream) as unknown as Place[];
    for (const p of positions) there.push(o.idAt.get(p) as unknown as Place);
    if (there.length < count || there.some(([, id], i) => id !== lines[first + i * FIELDS])) return null;
    return [there[count - 1]![0], expected + count];
  };

  const write = (o: Open, e: Entry, lines: EntryLines): [outcome: number, position: number, revision: number] => {
    const key = streamKey(e.stream);
    if (endOf(o, e.stream, key) !== e.expected) {
      const first = repeated(o, e, lines);
      return first ? [REPEATED, ...first] : [CONFLICT, 0, 0];
    }
    for (let i = 0; i < e.count; i++) {
      const a = e.at + i * FIELDS;
      const revision = e.expected + 1 + i;
      o.insert.run(++head, e.stream, revision, lines[a]!, lines[a + 1]!, lines[a + 2]!, lines[a + 3]!, lines[a + 4]!);
      o.index.add(head, [key, revision, head]);
    }
    o.tail.add(e.stream, e.count, e.expected + e.count, head);
    return [APPENDED, head, e.expected + e.count];
  };

  const all = (entries: Entry[], base: number, why: string): LogAnswer => ({ base, upto: at?.index.upto ?? 0, results: entries.flatMap(() => [UNAVAILABLE, 0, 0]), why });

  const recover = (entries: Entry[], lines: EntryLines, base: number, now: number, why: string): LogAnswer => {
    try { at?.db.close(); } catch { /* it is given up either way */ }
    at = null;
    head = base; // what was counted in the failed transaction does not stand, unless it is found
    triedAt = now;
    try {
      at = prepare();
      const o = at;
      const results = entries.flatMap((e) => {
        const found = repeated(o, e, lines);
        return found ? [found[0] > base ? APPENDED : REPEATED, ...found] : [UNAVAILABLE, 0, 0];
      });
      return { base, upto: o.index.upto, results, why };
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

    append({ now, lines: text }: LogRequest): LogAnswer {
      const lines = text.split('\n');
      const entries = parse(lines);
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
        const results = entries.flatMap((e) => write(o, e, lines));
        o.index.step(head - base);
        o.db.exec('COMMIT');
        o.tail.indexed(o.index.upto);
        return { base, upto: o.index.upto, results };
      } catch (error) {
        return recover(entries, lines, base, now, (error as Error).message);
      }
    },

    close(): void {
      const o = at;
      at = null;
      if (!o) return;
      try {
        o.db.exec('BEGIN IMMEDIATE');
        o.index.all();
        o.db.exec('COMMIT');
      } catch { /* what is missing in the index is found at the next opening */ }
      o.db.close();
    },
  };
}

function parse(lines: EntryLines): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i + 2 < lines.length;) {
    const count = Number(lines[i + 2]);
    // a copy: a piece of a text keeps the whole text in memory, and this one is remembered
    entries.push({ stream: ` ${lines[i]!}`.slice(1), expected: Number(lines[i + 1]), count, at: i + 3 });
    i += 3 + count * FIELDS;
  }
  return entries;
}
