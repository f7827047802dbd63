import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openFile } from './durable-file.js';
import { LOG_SCHEMA, LOG_VERSION } from './log-schema.js';
import { APPENDED, CONFLICT, type EntryLines, REPEATED, UNAVAILABLE, logWriter } from './log-writer.js';

type Fault = 'before the commit' | 'after the commit' | null;

/** A disk that fails when told: the commit is not made, or is made and reported as failed; and it may not open again. */
class Disk {
  commit: Fault = null;
  opens = true;
  opened = 0;
  constructor(readonly path: string) {}

  open(): DatabaseSync {
    this.opened++;
    if (!this.opens) throw new Error('input/output error on opening');
    return openFile({ path: this.path, synchronous: 'FULL', cacheKib: 100, version: LOG_VERSION, schema: LOG_SCHEMA, busyMs: 20 }, (path) => new Failing(path, this));
  }
}

class Failing extends DatabaseSync {
  constructor(path: string, readonly disk: Disk) { super(path); }

  override exec(sql: string): void {
    const fault = this.disk.commit;
    if (sql !== 'COMMIT' || fault === null) return super.exec(sql);
    this.disk.commit = null;
    if (fault === 'after the commit') super.exec(sql);
    throw new Error('input/output error on flushing');
  }
}

let dir: string;
let disk: Disk;
let writer: ReturnType<typeof logWriter>;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  disk = new Disk(join(dir, 'log.db'));
  writer = logWriter(() => disk.open());
  expect(writer.start()).toBe(0);
});
afterEach(() => { writer.close(); rmSync(dir, { recursive: true }); });

const entry = (stream: string, expected: number, ...ids: string[]): EntryLines => [stream, String(expected), String(ids.length), ...ids.flatMap((id) => [id, 'T', '{}', '{}', 'sum'])];
const append = (now: number, ...entries: EntryLines[]) => writer.append({ now, lines: entries.flat().join('\n') });
const stored = (): string[] => {
  const db = new DatabaseSync(disk.path, { readOnly: true });
  const rows = db.prepare('SELECT position, stream, revision, id FROM events ORDER BY position').all() as { position: number; stream: string; revision: number; id: string }[];
  db.close();
  return rows.map((r) => `${r.position} ${r.stream}/${r.revision} ${r.id}`);
};

describe('the writer of the log', () => {
  it('does each entry of a batch for itself, in one transaction', () => {
    expect(append(0, entry('a', -1, 'a0', 'a1'), entry('a', 0, 'x'), entry('b', -1, 'b0'), entry('a', 1, 'a2'), entry('a', -1, 'a0', 'a1'), entry('b', 3, 'x')).results)
      .toEqual([APPENDED, 2, 1, CONFLICT, 0, 0, APPENDED, 3, 0, APPENDED, 4, 2, REPEATED, 2, 1, CONFLICT, 0, 0]);
    expect(stored()).toEqual(['1 a/0 a0', '2 a/1 a1', '3 b/0 b0', '4 a/2 a2']);
  });

  it('tells everybody that it is unavailable when the flush failed and nothing is there, and goes on', () => {
    append(0, entry('a', -1, 'a0'));
    disk.commit = 'before the commit';
    expect(append(1, entry('a', 0, 'a1'), entry('b', -1, 'b0'), entry('c', 7, 'x'))).toMatchObject({ base: 1, results: [UNAVAILABLE, 0, 0, UNAVAILABLE, 0, 0, UNAVAILABLE, 0, 0] });
    expect(stored()).toEqual(['1 a/0 a0']);
    expect(append(2, entry('a', 0, 'a1'), entry('a', -1, 'a0'))).toMatchObject({ base: 1, results: [APPENDED, 2, 1, REPEATED, 1, 0] });
    expect(disk.opened).toBe(2);
  });

  it('acknowledges what is found on the disk after a failed flush, and only that', () => {
    append(0, entry('a', -1, 'a0'));
    disk.commit = 'after the commit';
    const { base, results } = append(1, entry('a', 0, 'a1'), entry('a', -1, 'other'), entry('a', -1, 'a0'), entry('b', -1, 'b0'));
    expect(base).toBe(1);
    expect(results).toEqual([APPENDED, 2, 1, UNAVAILABLE, 0, 0, REPEATED, 1, 0, APPENDED, 3, 0]);
    expect(stored()).toEqual(['1 a/0 a0', '2 a/1 a1', '3 b/0 b0']);
  });

  it.each(['before the commit', 'after the commit'] as const)('acknowledges nothing while the file does not open again (failed %s)', (fault) => {
    append(0, entry('a', -1, 'a0'));
    disk.commit = fault;
    disk.opens = false;
    expect(append(100, entry('a', 0, 'a1')).results).toEqual([UNAVAILABLE, 0, 0]);
    for (const now of [500, 1099]) expect(append(now, entry('b', -1, 'b0'))).toMatchObject({ base: 1, results: [UNAVAILABLE, 0, 0] });
    expect(disk.opened).toBe(2); // not tried again within a second
    expect(append(1100, entry('b', -1, 'b0'))).toMatchObject({ base: 1, results: [UNAVAILABLE, 0, 0], why: 'input/output error on opening' });
    expect(disk.opened).toBe(3);
    disk.opens = true;
    const there = fault === 'after the commit';
    // `base` tells where the log stands now, so that nobody misses what came back
    expect(append(2100, entry('a', 0, 'a1'), entry('b', -1, 'b0'))).toMatchObject({ base: there ? 2 : 1, results: [there ? REPEATED : APPENDED, 2, 1, APPENDED, 3, 0] });
    expect(stored()).toEqual(['1 a/0 a0', '2 a/1 a1', '3 b/0 b0']);
  });

  it('does not take what cannot be settled for durable', () => {
    disk.commit = 'after the commit';
    // somebody reads: the write-ahead log cannot be emptied, so nobody knows what would last
    const reader = new DatabaseSync(disk.path, { readOnly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM events').get();
    expect(append(0, entry('a', -1, 'a0')).results).toEqual([UNAVAILABLE, 0, 0]);
    reader.exec('ROLLBACK');
    reader.close();
    expect(append(1000, entry('a', -1, 'a0'))).toMatchObject({ base: 1, results: [REPEATED, 1, 0] });
  });

  it('keeps to the heads when more streams are written than it remembers', () => {
    const streams = Array.from({ length: 20_100 }, (_, i) => `s${i}`);
    for (let i = 0; i < streams.length; i += 2010) append(0, ...streams.slice(i, i + 2010).map((s) => entry(s, -1, `${s}-0`)));
    expect(append(0, entry('s0', 0, 's0-1'), entry('s1', 5, 'x'), entry('s2', -1, 'x')).results).toEqual([APPENDED, 20_101, 1, CONFLICT, 0, 0, CONFLICT, 0, 0]);
  });
});
