import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type MongoDB, openMongoDB } from '#libs/engines/mongodb/mongodb';
import { Unavailable } from '#libs/event-sourcing/errors';
import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { SeeParcel, TakeParcel, parcel, parcels } from '#libs/event-sourcing/testing/example';
import { change, position } from '#libs/event-sourcing/testing/read-models-queries.contract';
import { Room, by } from '#libs/event-sourcing/testing/rooms';
import { until } from '../../bench/ground.js';
import { dropDatabases, serverUrl, withClient } from './mongodb-ground.js';

const name = `test-${randomUUID().slice(0, 8)}`;
const collection = collectionOf(parcels);
let room: Room, engine: MongoDB, kernel: Kernel;
beforeAll(async () => {
  room = await Room.open();
  engine = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000 });
  room.engine = { ...room.engine, readModels: engine.readModels };
  kernel = await room.kernel({ processes: [], clock: systemClock });
  kernel.startFollowers();
});
const others: MongoDB[] = [];
async function opened(): Promise<MongoDB> {
  const other = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000 });
  others.push(other);
  return other;
}
afterAll(async () => {
  await room?.close();
  await Promise.all(others.map((o) => o.close()));
  await engine?.close();
  await dropDatabases(serverUrl(), name);
});

const take = (id: string): Promise<unknown> => kernel.commands.execute(parcel, new TakeParcel(id, { owner: 'o1', to: '+4915100000001' }, by('c')));
const see = (id: string, place: string): Promise<unknown> => kernel.commands.execute(parcel, new SeeParcel(id, { place }, by(place)));
const places = async (ids: readonly string[]): Promise<unknown[]> => {
  const found = await engine.readModels.getMany(collection, ids);
  return ids.map((id) => found.get(id)?.row?.['seen']);
};
const ids = Array.from({ length: 40 }, (_, i) => `w${i}`);

describe('mongodb: views wiped while the program runs', () => {
  it('are refused for as long as they are gone, made anew from the first event, and whole again; nothing stops', async () => {
    await Promise.all(ids.map(take));
    await Promise.all(ids.map((id) => see(id, 'port')));
    await until('the view is whole', async () => (await places(ids).catch(() => [])).filter((p) => JSON.stringify(p) === '["port"]').length === ids.length);

    await withClient(serverUrl(), (client) => client.db(`${name}-views`).dropDatabase());
    // rows folded on nothing must not stay: the follower still holds some in memory, and goes on writing
    await Promise.all(ids.map((id) => see(id, 'quay')));
    await until('the view is whole again', async () => (await places(ids).catch(() => [])).filter((p) => JSON.stringify(p) === '["port","quay"]').length === ids.length, { boundMs: 50_000 });
    expect(kernel.statuses.get(parcels.name)!.stopped).toBeNull();
    expect(await engine.readModels.count(collection, { owner: { eq: 'o1' } })).toBe(ids.length);
    expect(await engine.failing()).toEqual([]);
  });

  it('leave nothing behind of what was written for the dropped one', async () => {
    await engine.readModels.define({ name: collection, indexes: parcels.indexes });
    const rows = await withClient(serverUrl(), (client) => client.db(`${name}-views`).listCollections({}, { nameOnly: true }).toArray());
    expect(rows.map((r) => r.name).filter((n) => n.startsWith(`rows.${collection}.`))).toHaveLength(1);
  });

  it('take nothing that was folded for the dropped one, whoever made them anew', async () => {
    const [a, b] = [engine.readModels, (await opened()).readModels];
    const at = 'wiped@1';
    for (const models of [a, b]) await models.define({ name: at, indexes: {} });
    await a.apply(at, [change('x', 1, { n: 1 })], position(1));
    const wipe = (): Promise<unknown> => withClient(serverUrl(), (client) => client.db(`${name}-views`).dropDatabase());
    const refused = (): Promise<void> => expect(a.apply(at, [change('x', 2, { n: 2 })], position(2))).rejects.toBeInstanceOf(Unavailable);

    await wipe();
    await b.define({ name: at, indexes: {} }); // by another program: refused until this one has begun again
    await refused();
    await refused();
    await a.define({ name: at, indexes: {} }); // by another follower of this program: refused once, so that the writer hears of it
    await refused();
    expect(await b.checkpoint(at)).toBeNull();
    expect(await b.find(at, { where: {}, limit: 10 })).toEqual([]);
    await a.apply(at, [change('x', 3, { n: 3 })], position(3));
    expect(await b.checkpoint(at)).toBe(position(3));
    expect(await b.get(at, 'x')).toEqual(change('x', 3, { n: 3 }));
  });
});
