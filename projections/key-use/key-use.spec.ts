import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { looksSealed } from '#libs/event-sourcing/sealed';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { keyuse } from '#libs/identity/keyuse/keyuse.decider';
import { keyUse } from './key-use.projection.js';
import { countedUses, loggedUses } from './key-use.reader.js';

const at = (n: number): string => new Date(Date.parse('2030-01-01T00:00:00.000Z') + n * 1000).toISOString();
const entry = (key: string, n: number, status = 200, route = '/api/v1/messages', method = 'GET') => ({ key, owner: 'usr_1', method, route, status, address: '192.0.2.1', at: at(n) });
const rows = projected(keyUse, [
  happened(keyuse, 'keyuse-e1', 0, 'KeyUsesLogged', { at: at(9), entries: [entry('a', 1), entry('a', 2, 403), entry('b', 3), entry('a', 4, 202, '/api/v1/messages', 'POST')] }),
  happened(keyuse, 'keyuse-e2', 0, 'KeyUsesLogged', { at: at(9), entries: [entry('a', 0, 500)] }),
]);

describe('key-use', () => {
  it('counts each key by route and method, errors apart, and knows the last use', () => {
    expect(rows.get('a')).toEqual({
      kind: 'count', key: 'a', at: at(4), total: 4, errors: 2,
      endpoints: [{ method: 'GET', route: '/api/v1/messages', total: 3, errors: 2 }, { method: 'POST', route: '/api/v1/messages', total: 1, errors: 0 }],
    });
    expect(rows.get('b')).toMatchObject({ total: 1, errors: 0 });
  });
  it('logs each use, its address sealed', () => {
    const { address, ...use } = rows.get('a.e1.1') as { address: unknown };
    expect(use).toEqual({ kind: 'use', key: 'a', at: at(2), method: 'GET', route: '/api/v1/messages', status: 403 });
    expect(looksSealed(address)).toBe(true);
    expect([...rows.keys()]).toHaveLength(7);
  });
});

describe('the reader of key-use', () => {
  let engine: Embedded, dir: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'heliograph-keyuse-'));
    engine = await openEmbedded({ dir });
    await engine.readModels.define({ name: collectionOf(keyUse), indexes: keyUse.indexes });
    await engine.readModels.apply(collectionOf(keyUse), [...rows].map(([id, row]) => ({ id, position: '0000000000000001', row })), '0000000000000001');
  });
  afterAll(async () => { await engine.close(); rmSync(dir, { recursive: true, force: true }); });

  it('pages through one key\'s log, newest first', async () => {
    const seen: string[] = [];
    for (let after: readonly [string, string] | undefined; ;) {
      const page = await loggedUses(engine.readModels, 'a', 3, after);
      seen.push(...page.uses.map(({ row }) => row.at));
      if (!page.next) break;
      after = page.next;
    }
    expect(seen).toEqual([at(4), at(2), at(1), at(0)]);
  });
  it('counts for those that were used', async () => {
    const counts = await countedUses(engine.readModels, ['a', 'b', 'never']);
    expect([...counts].map(([key, { total }]) => [key, total] as const).sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([['a', 4], ['b', 1]]);
  });
});
