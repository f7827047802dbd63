import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type Collection, MongoBulkWriteError, MongoClient } from 'mongodb';
import { type MongoDB, openMongoDB } from '#libs/engines/mongodb/mongodb';
import { change, position } from '#libs/event-sourcing/testing/read-models-queries.contract';
import { dropDatabases, serverUrl } from './mongodb-ground.js';

const name = `test-${randomUUID().slice(0, 8)}`;
let engine: MongoDB, client: MongoClient;
beforeAll(async () => {
  engine = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000 });
  client = await new MongoClient(serverUrl()).connect();
});
afterAll(async () => {
  await engine?.close();
  await client?.close();
  await dropDatabases(serverUrl(), name);
});
const bare = (collection = randomUUID()): Collection<{ _id: string; position?: string; v?: object }> => client.db(`${name}-shared`).collection(collection);

describe('what the bare driver gets wrong, and rows here do not', () => {
  it('a guarded upsert that loses is E11000 there, and a skip here', async () => {
    const rows = bare();
    await rows.insertOne({ _id: 'a', position: '5' });
    const guarded = { updateOne: { filter: { _id: 'a', position: { $lt: '4' } }, update: { $set: { position: '4' } }, upsert: true } };
    const error = await rows.bulkWrite([guarded], { ordered: false }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(MongoBulkWriteError);
    expect((error as MongoBulkWriteError).code).toBe(11000);

    const view = 'guarded@1';
    await engine.readModels.define({ name: view, indexes: {} });
    await engine.readModels.apply(view, [change('a', 5, { n: 5 })], null);
    await engine.readModels.apply(view, [change('a', 4, { n: 4 }), change('b', 4, { n: 4 })], position(5));
    expect((await engine.readModels.find(view, { where: {}, limit: 10 })).map((r) => r.row)).toEqual([{ n: 5 }, { n: 4 }]);
  });

  it('`$max` compares documents field by field, in order: what a row\'s guard stands on', async () => {
    const rows = bare();
    const write = (v: object): Promise<unknown> => rows.updateOne({ _id: 'a' }, { $max: { v } }, { upsert: true });
    await write({ position: '05', turn: -2, row: 'b' });
    for (const lower of [{ position: '04', turn: 9, row: 'z' }, { position: '05', turn: -3, row: 'z', more: 1 }]) {
      await write(lower);
      expect((await rows.findOne({ _id: 'a' }))?.v).toEqual({ position: '05', turn: -2, row: 'b' });
    }
    for (const higher of [{ position: '05', turn: -1, row: 'a' }, { position: '06', turn: -9, row: null }, { position: '10', turn: -10 }]) {
      await write(higher);
      expect((await rows.findOne({ _id: 'a' }))?.v).toEqual(higher);
    }
  });
});

describe('rows in MongoDB', () => {
  it('come back as they were, whatever their names and values, and are found by them', async () => {
    const view = 'odd@1';
    await engine.readModels.define({ name: view, indexes: { by_text: ['text'] } });
    const odd = ['', '\0', 'a\0b', '\u0001', '\u0001\u0001', '$where', 'a.b', '__proto__', 'ключ', '👋', '\ud800'];
    const rows = odd.map((text, i) => change(`id ${text}`, i + 1, { text, [`$${text}`]: { 'a.b': [[1, [null]], { $ne: '\0' }] }, big: 2 ** 60, small: -1e-300, nothing: null }));
    await engine.readModels.apply(view, rows, null);
    const whole = odd.filter((text) => text.isWellFormed());
    for (const text of whole) {
      const row = rows[odd.indexOf(text)]!;
      expect(await engine.readModels.get(view, `id ${text}`)).toEqual(row);
      expect(await engine.readModels.find(view, { where: { text: { eq: text } }, limit: 10 })).toEqual([row]);
    }
    const sorted = whole.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const found = await engine.readModels.find<{ text: string }>(view, { where: { text: { from: '', to: '\ud7ff' } }, sort: { by: ['text'] }, limit: 100 });
    expect(found.map((r) => r.row.text)).toEqual(sorted.filter((t) => !t.startsWith('👋') && t.isWellFormed()));
  });

  it('have the indexes that were declared, each beginning with what hides tombstones, and of no process less than it declared', async () => {
    const view = 'indexed@1';
    await engine.readModels.define({ name: view, indexes: { by_owner: ['owner', 'at'], by_at: ['at', 'id'] } });
    await engine.readModels.define({ name: view, indexes: { by_at: ['at'], again: ['at', 'id'] } });
    const db = client.db(`${name}-views`);
    const { name: rows } = (await db.listCollections({}, { nameOnly: true }).toArray()).find((c) => c.name.startsWith(`rows.${view}.`))!;
    const there = await db.collection(rows).indexes();
    expect(Object.fromEntries(there.map((i) => [i.name, Object.keys(i.key as object)]))).toEqual({ _id_: ['_id'], by: ['v.live', '_id'], 'by.at': ['v.live', 'v.f_at', '_id'], 'by.owner.at': ['v.live', 'v.f_owner', 'v.f_at', '_id'] });
  });

  it('keys lie in a database of their own, without a hash or material of what is forgotten', async () => {
    const [kept, gone] = ['a', 'b'].map((x) => ({ hash: `hash_${x}`, id: `sub_${x}`, wrapped: Buffer.from(`material of ${x}`) }));
    await engine.keys.claim([kept!, gone!, { ...gone!, hash: 'hash_b2' }]);
    await engine.keys.claim([{ ...gone!, hash: 'hash_b2' }]);
    await engine.keys.forget(['sub_b']);
    const text = JSON.stringify(await client.db(`${name}-keys`).collection('keys').find().toArray());
    expect(text).toContain('hash_a');
    expect(text).toContain(Buffer.from('material of a').toString('base64'));
    for (const trace of ['hash_b', Buffer.from('material of b').toString('base64')]) expect(text).not.toContain(trace);
    expect((await client.db(`${name}-views`).listCollections().toArray()).map((c) => c.name)).not.toContain('keys');
  });
});
