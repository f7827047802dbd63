import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openFile } from './durable-file.js';
import { LOG_SCHEMA, LOG_VERSION } from './log-schema.js';
import { APPENDED, CONFLICT, REPEATED, logWriter } from './log-writer.js';
import { Tail, lastOf, openStreams, rangeOf, streamKey, whereIs } from './stream-index.js';

let dir: string;
let path: string;
let db: DatabaseSync;
const open = (): DatabaseSync => (db = openFile({ path, synchronous: 'FULL', cacheKib: 1000, version: LOG_VERSION, schema: LOG_SCHEMA }));
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  path = join(dir, 'log.db');
});
afterEach(() => { if (db.isOpen) db.close(); rmSync(dir, { recursive: true }); });

const numbers = (sql: string, ...params: (string | number)[]): unknown[] => db.prepare(sql).all(...params).map((r) => Object.values(r)[0]);
const lines = (stream: string, expected: number, ids: string[]): string => [stream, expected, ids.length, ...ids.flatMap((id) => [id, 'T', '{}', '{}', 'sum'])].map((l) => `${l}\n`).join('');

describe('the index of streams', () => {
  it('follows the log at a distance, and answers the same all the way, also after a crash', () => {
    const writer = logWriter(open);
    writer.start();
    const STREAMS = 500;
    const heads = Array.from({ length: STREAMS }, () => -1);
    const distances: number[] = [];
    let head = 0;
    for (let batch = 0; batch < 200; batch++) {
      const some = Array.from({ length: 100 }, (_, i) => (batch * 37 + i * 3) % STREAMS);
      const answer = writer.append({ now: 0, lines: some.map((s) => lines(`s${s}`, heads[s]!, [`${s}-${heads[s]! + 1}`, `${s}-${heads[s]! + 2}`])).join('') });
      for (const s of some) heads[s]! += 2;
      head += 200;
      expect(answer.results).toEqual(some.flatMap((s, i) => [APPENDED, head - 198 + 2 * i, heads[s]]));
      distances.push(head - answer.upto);
      // old and new events, in the index and not, alone and across both
      const s = batch % STREAMS;
      const ask = (expected: number, ids: string[]) => writer.append({ now: 0, lines: lines(`s${s}`, expected, ids) }).results[0];
      if (heads[s]! < 1) continue;
      expect(ask(-1, [`${s}-0`])).toBe(REPEATED);
      expect(ask(heads[s]! - 1, [`${s}-${heads[s]!}`])).toBe(REPEATED);
      expect(ask(-1, Array.from({ length: heads[s]! + 1 }, (_, r) => `${s}-${r}`))).toBe(REPEATED);
      expect(ask(heads[s]! - 1, ['other'])).toBe(CONFLICT);
      expect(ask(heads[s]! + 1, ['ahead'])).toBe(CONFLICT);
    }
    expect(Math.max(...distances)).toBeGreaterThan(16_000);
    expect(Math.max(...distances)).toBeLessThan(40_000);
    expect(distances.at(-1)).toBeLessThan(head); // it did come after
    const partly = numbers('SELECT count(*) FROM streams')[0] as number;
    expect(partly).toBeLessThan(head);
    db.close(); // as a kill leaves it: what waited in memory is lost
    const again = logWriter(open);
    expect(again.start()).toBe(head);
    expect(numbers('SELECT count(*) FROM streams WHERE (revision, position) IN (SELECT revision, position FROM events)')).toEqual([head]);
    for (const s of [0, 1, 250, 499]) expect(again.append({ now: 0, lines: lines(`s${s}`, heads[s]!, ['next']) }).results[0]).toBe(APPENDED);
    again.close();
  });

  it('does not mix up streams that share a key', () => {
    open();
    db.exec('INSERT INTO events VALUES (1, \'a\', 0, \'i\', \'T\', \'\', \'\', \'\'), (2, \'b\', 0, \'j\', \'T\', \'\', \'\', \'\'), (3, \'b\', 1, \'k\', \'T\', \'\', \'\', \'\')');
    db.prepare('INSERT INTO streams VALUES (?1, 0, 1), (?1, 0, 2), (?1, 1, 3)').run(streamKey('a'));
    expect(numbers(rangeOf('e.id'), streamKey('a'), 0, 10, 'a')).toEqual(['i']);
    expect(numbers(rangeOf('e.id'), streamKey('a'), 0, 10, 'b')).toEqual(['j', 'k']);
    expect(numbers(lastOf('e.id'), streamKey('a'), 'a')).toEqual(['i']);
  });

  it('is made for a log that has none', () => {
    db = new DatabaseSync(path);
    db.exec(`CREATE TABLE events (position INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
      data TEXT NOT NULL, meta TEXT NOT NULL, sum TEXT NOT NULL, UNIQUE (stream, revision)) STRICT; PRAGMA user_version = 1`);
    db.exec("INSERT INTO events VALUES (1, 'a', 0, 'i', 'T', '', '', ''), (2, 'b', 0, 'j', 'T', '', '', '')");
    db.close();
    open();
    expect(openStreams(db).upto).toBe(2);
    expect(numbers(rangeOf('e.id'), streamKey('b'), 0, 10, 'b')).toEqual(['j']);
  });
});

describe('a tail', () => {
  it('knows the end of each stream beyond what the index holds', () => {
    const tail = new Tail();
    tail.add('a', 2, 6, 102);
    tail.add('b', 1, 0, 103);
    tail.add('a', 1, 7, 104);
    expect(tail.of('a')).toEqual({ revision: 5, positions: [101, 102, 104] });
    expect(whereIs(tail.of('a'), 0, 7)).toEqual({ indexed: 5, positions: [101, 102] });
    expect(whereIs(tail.of('a'), 6, 100)).toEqual({ indexed: 5, positions: [102, 104] });
    expect(whereIs(tail.of('a'), 0, 5)).toEqual({ indexed: 5, positions: [] });
    expect(whereIs(tail.of('c'), 3, 9)).toEqual({ indexed: 9, positions: [] });
    tail.indexed(102);
    expect(tail.of('a')).toEqual({ revision: 7, positions: [104] });
    tail.indexed(103);
    expect(tail.of('b')).toBeUndefined();
  });
});
