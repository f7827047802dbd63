import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { RowChange } from '#libs/event-sourcing/ports/read-models';
import { type Embedded, openEmbedded } from './embedded.js';

let dir: string;
let engine: Embedded;
const THINGS = { name: 'things@1', indexes: { byOwner: ['owner', 'n'] } };
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  engine = await openEmbedded({ dir });
  await engine.readModels.define(THINGS);
});
afterEach(async () => { await engine.close(); rmSync(dir, { recursive: true }); });

const position = (n: number): string => String(n).padStart(16, '0');
const rows = (from: number, count: number): RowChange[] => Array.from({ length: count }, (_, i) => ({ id: `t${from + i}`, position: position(from + i), row: { owner: `o${i % 3}`, n: from + i } }));
const apply = (from: number, count: number): Promise<void> => engine.readModels.apply(THINGS.name, rows(from, count), position(from + count));
const indexes = (): unknown[] => {
  const db = new DatabaseSync(join(dir, 'views.db'), { readOnly: true });
  try {
    return db.prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'i:%'").all().map((r) => r['name']);
  } finally {
    db.close();
  }
};
const found = (): Promise<unknown[]> => engine.readModels.find(THINGS.name, { where: { owner: { eq: 'o1' } }, sort: { by: ['n'] }, limit: 3 }).then((page) => page.map((r) => r.row['n']));
const count = (): Promise<number> => engine.readModels.count(THINGS.name, { owner: { eq: 'o1' } });

describe('a view that is rebuilt', () => {
  it('has no indexes while many rows come, and has them once few come', async () => {
    await apply(1, 3000);
    expect(indexes()).toEqual([]);
    expect(await engine.readModels.collections()).toEqual([{ name: 'things@1', rows: 3000, checkpoint: position(3001) }]);
    await apply(3001, 3);
    expect(indexes()).toEqual(['i:things@1:byOwner']);
    expect([await found(), await count()]).toEqual([[2, 5, 8], 1001]);
  });

  it('has them as soon as somebody asks, whatever comes after, also after a restart in the middle', async () => {
    await apply(1, 3000);
    await engine.close();
    engine = await openEmbedded({ dir });
    await engine.readModels.define(THINGS);
    expect(indexes()).toEqual([]);
    expect(await count()).toBe(1000);
    expect(indexes()).toEqual(['i:things@1:byOwner']);
    await apply(3001, 3000);
    expect([await found(), await count()]).toEqual([[2, 5, 8], 2000]);
  });

  it('gets those of another definition when it is asked by them', async () => {
    await apply(1, 3000);
    await apply(3001, 1);
    await engine.readModels.define({ name: THINGS.name, indexes: { byN: ['n'] } });
    expect((await engine.readModels.find(THINGS.name, { where: {}, sort: { by: ['n'], descending: true }, limit: 2 })).map((r) => r.id)).toEqual(['t3001', 't3000']);
    expect(indexes()).toEqual(['i:things@1:byN']);
  });
});

it('a file of version 1, from before there were marks, keeps rows, indexes and checkpoint; a mark comes with the next batch', async () => {
  await apply(1, 5);
  await engine.close();
  const db = new DatabaseSync(join(dir, 'views.db'));
  db.exec('DROP TABLE marks; PRAGMA user_version = 1');
  db.close();
  engine = await openEmbedded({ dir });
  await engine.readModels.define(THINGS);
  expect([await engine.readModels.checkpoint(THINGS.name), await engine.readModels.mark(THINGS.name)]).toEqual([position(6), null]);
  expect(indexes()).toEqual(['i:things@1:byOwner']);
  expect(await found()).toEqual([2, 5]);
  const mark = { position: position(7), stream: 'thing-t7', revision: 0, id: 'e7', at: '2030-01-01T00:00:00.000Z' };
  await engine.readModels.apply(THINGS.name, rows(7, 1), position(7), mark);
  expect([await engine.readModels.checkpoint(THINGS.name), await engine.readModels.mark(THINGS.name)]).toEqual([position(7), mark]);
});
