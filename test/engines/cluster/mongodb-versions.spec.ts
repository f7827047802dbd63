import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type MongoDB, openMongoDB } from '#libs/engines/mongodb/mongodb';
import { dropDatabases, serverUrl, withClient } from './mongodb-ground.js';

const name = `test-${randomUUID().slice(0, 8)}`;
let older: MongoDB, newer: MongoDB;
beforeAll(async () => {
  older = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000 });
  newer = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000 });
});
afterAll(async () => {
  await older?.close();
  await newer?.close();
  await dropDatabases(serverUrl(), name);
});

it('mongodb: a process of an older version that starts takes no index, and no row, from a newer one', async () => {
  await newer.readModels.define({ name: 'things', indexes: { by_owner: ['owner'], by_at: ['at'] } });
  await older.readModels.define({ name: 'things', indexes: { by_owner: ['owner'], by_old: ['old'] } });
  await older.readModels.apply('things', [{ id: 'a', position: '1', row: { owner: 'o', at: 5, old: true } }], '1');
  expect((await newer.readModels.find('things', { where: { at: { eq: 5 } }, limit: 10 })).map((r) => (r as { id: string }).id)).toEqual(['a']);
  const there = await withClient(serverUrl(), async (client) => {
    const [rows] = (await client.db(`${name}-views`).listCollections({}, { nameOnly: true }).toArray()).filter((c) => c.name.startsWith('rows.things'));
    return (await client.db(`${name}-views`).collection(rows!.name).indexes()).map((i) => i.name);
  });
  expect(there).toEqual(expect.arrayContaining(['by', 'by.owner', 'by.at', 'by.old']));
});
