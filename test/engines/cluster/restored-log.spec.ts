/** Row T79 on the servers: a log in EventStoreDB that was restored from an older backup, and has grown past what the views in MongoDB have seen. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryWorkQueue } from '#libs/engines/embedded/work-queue';
import { openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { type MongoDB, openMongoDB } from '#libs/engines/mongodb/mongodb';
import type { AnyDecider } from '#libs/event-sourcing/decider';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { Kernel } from '#libs/event-sourcing/running/kernel';
import { liveView } from '#libs/event-sourcing/running/live-state';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { OPEN_LANE, parcel, parcels, TakeParcel, touring } from '#libs/event-sourcing/testing/example';
import { projected } from '#libs/event-sourcing/testing/given';
import { by, MASTER_KEY } from '#libs/event-sourcing/testing/rooms';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { type ServerProcess, startServerProcess } from '../eventstoredb-server/process.fixture.js';
import { dropDatabases, serverUrl } from './mongodb-ground.js';

const FOLLOWERS = ['parcels', 'due-work'];
const name = `restored${randomUUID().slice(0, 8)}`;
const backup = mkdtempSync(join(tmpdir(), 'eventstoredb-backup-'));
let server: ServerProcess;
let mongodb: MongoDB;
beforeAll(async () => { [server, mongodb] = await Promise.all([startServerProcess(), openMongoDB({ url: serverUrl(), name })]); }, 60_000);
afterAll(async () => {
  await mongodb?.close();
  await server?.stop();
  rmSync(backup, { recursive: true });
  await dropDatabases(serverUrl(), name);
}, 60_000);

const view = liveView(parcels);
/** One process, from its start to its end. */
async function during<T>(work: (kernel: Kernel) => Promise<T>): Promise<T> {
  const log = await openEventStoreDB({ url: server.url, prefix: '', heartbeatMs: 100 });
  const { readModels, keys, shared } = mongodb;
  const engine = { eventStore: log.eventStore, readModels, keys, shared, workQueue: new MemoryWorkQueue(systemClock) };
  const kernel = await Kernel.open({ engine, masterKey: MASTER_KEY, clock: systemClock, deciders: [parcel as AnyDecider], processes: [touring], projections: [parcels], lanes: () => OPEN_LANE, live: [view] });
  try { return await work(kernel); } finally { await kernel.close(); await log.close(); }
}
const take = async (kernel: Kernel, ids: string): Promise<void> => {
  for (const id of ids) await kernel.commands.execute(parcel, new TakeParcel(id, { owner: 'o', to: '+4915100000001' }, by(id)));
};
/** Follows to the log's end; answers what stopped each. */
async function follow(kernel: Kernel): Promise<(string | null)[]> {
  const head = (await kernel.options.engine.eventStore.head())!;
  kernel.startFollowers();
  await until('all are at the end, or stand still', () => FOLLOWERS.every((f) => { const s = kernel.statuses.get(f); return s && (s.stopped !== null || (s.position ?? '') >= head); }), 20_000);
  return FOLLOWERS.map((f) => kernel.statuses.get(f)!.stopped);
}
const rows = async (): Promise<unknown[]> => (await mongodb.readModels.find(collectionOf(parcels), { where: {}, sort: { by: ['id'] }, limit: 100 })).map(({ id, row }) => [id, row]);
const folded = async (kernel: Kernel): Promise<unknown[]> => [...projected(parcels, (await kernel.options.engine.eventStore.readAll(null, ['parcel-'], 1_000)).events)].toSorted(([a], [b]) => (a < b ? -1 : 1));

it.each([['other requests', 'vwxyz'], ['the very requests that it lost, made again', 'cdef']])('grown by %s: views and due work say so and stand still, live views are folded from it, a rebuild mends', async (_by, others) => {
  await during((kernel) => take(kernel, 'ab'));
  await server.restart((folder) => cpSync(folder, backup, { recursive: true, force: true }));
  await during(async (kernel) => {
    await take(kernel, 'cde');
    expect(await follow(kernel)).toEqual([null, null]);
  });
  await server.restart((folder) => { rmSync(folder, { recursive: true }); cpSync(backup, folder, { recursive: true }); });
  await during(async (kernel) => {
    await take(kernel, others);
    expect(await follow(kernel)).toEqual(FOLLOWERS.map((f) => expect.stringMatching(new RegExp(`^the checkpoint of ${f} is of another log: event 0 of parcel-e, .*npx heliograph projections rebuild ${f}`))));
    await kernel.startLive();
    expect([...view.all()].toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual(await folded(kernel));
    for (const f of FOLLOWERS) await kernel.rebuild(f, () => {});
    expect(await rows()).toEqual(await folded(kernel));
  });
  await during(async (kernel) => { expect(await follow(kernel)).toEqual([null, null]); });
  // for the next round: another log, and nothing seen of it
  await server.restart((folder) => { rmSync(folder, { recursive: true }); cpSync(backup, folder, { recursive: true }); });
  for (const { name: collection } of await mongodb.readModels.collections()) await mongodb.readModels.drop(collection);
}, 120_000);
