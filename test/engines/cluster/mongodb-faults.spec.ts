import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type MongoDB, openMongoDB } from '#libs/engines/mongodb/mongodb';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { KeyCandidate } from '#libs/event-sourcing/ports/keys';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { change, position } from '#libs/event-sourcing/testing/read-models-queries.contract';
import { until } from '../../bench/ground.js';
import { OwnServer } from './mongodb-ground.js';

const DEADLINE_MS = 1_500;
let server: OwnServer;
let engine: MongoDB;
let rival: MongoDB;
beforeAll(async () => {
  server = await OwnServer.start();
  [engine, rival] = [await openMongoDB({ url: server.url, deadlineMs: DEADLINE_MS }), await openMongoDB({ url: server.url, deadlineMs: 20_000 })];
});
afterAll(async () => {
  await Promise.all([engine, rival].map((e) => e?.close()));
  await server?.stop();
});

const candidate = (): KeyCandidate => ({ hash: `hash_${randomUUID()}`, id: `sub_${randomUUID()}`, wrapped: Buffer.from(randomUUID()) });
const view = async (...engines: MongoDB[]): Promise<string> => {
  const name = `view-${randomUUID()}@1`;
  for (const e of engines) await e.readModels.define({ name, indexes: { by_owner: ['owner'] } });
  return name;
};
/** How long it took to be refused. */
async function refusedAfter(call: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await expect(call()).rejects.toBeInstanceOf(Unavailable);
  return performance.now() - began;
}
const calls = (name: string): Record<string, () => Promise<unknown>> => ({
  get: () => engine.readModels.get(name, 'a'),
  find: () => engine.readModels.find(name, { where: { owner: { eq: 'o' } }, limit: 10 }),
  count: () => engine.readModels.count(name, {}),
  apply: () => engine.readModels.apply(name, [change('a', 9, { owner: 'o' })], null),
  define: () => engine.readModels.define({ name, indexes: {} }),
  claim: () => engine.keys.claim([candidate()]),
  keys: () => engine.keys.keys(['sub_1']),
  forget: () => engine.keys.forget(['sub_1']),
  add: () => engine.shared.add('k', 1, 1000),
  lease: () => engine.shared.lease('l', 'me', 1000),
});

describe('mongodb under faults', () => {
  it('a server that hangs: every call is refused within the deadline, what fails is told, and all goes on by itself', async () => {
    const name = await view(engine);
    await engine.readModels.apply(name, [change('a', 1, { owner: 'o' })], position(1));
    server.freeze();
    try {
      const times = await Promise.all(Object.values(calls(name)).map(refusedAfter));
      for (const ms of times) expect(ms).toBeLessThan(2 * DEADLINE_MS);
      expect((await engine.failing()).map((f) => f.part).toSorted()).toEqual(['keys', 'shared', 'views']);
    } finally { server.thaw(); }
    await until('nothing fails any more', async () => (await engine.failing()).length === 0, { boundMs: 30_000 });
    expect((await engine.readModels.find(name, { where: {}, limit: 10 })).map((r) => r.id)).toEqual(['a']);
  });

  it('a killed server: what was acknowledged is there when it is back, and no checkpoint without its rows', async () => {
    const name = await view(engine);
    const kept: KeyCandidate[] = [], lost: KeyCandidate[] = [];
    let acknowledged = 0, batch = 0;
    /** Goes on until it is refused. */
    const refused = async (step: () => Promise<void>): Promise<void> => { for (;;) try { await step(); } catch (error) { expect(error).toBeInstanceOf(Unavailable); return; } };
    const claiming = (): Promise<void> => refused(async () => {
      const mine = candidate();
      await engine.keys.claim([mine]).then(() => kept.push(mine), (error) => { lost.push(mine); throw error; });
    });
    const writing = (): Promise<void> => refused(async () => {
      const n = ++batch;
      await engine.readModels.apply(name, Array.from({ length: 120 }, (_, i) => change(`r${i}`, n, { owner: 'o', n })), position(n));
      acknowledged = n;
    });
    for (let round = 0; round < 3; round++) {
      const [keysBefore, rowsBefore] = [kept.length, acknowledged];
      const load = Promise.all([claiming(), claiming(), writing()]);
      await until('there is load', async () => kept.length >= keysBefore + 20 && acknowledged >= rowsBefore + 2, { pauseMs: 5 });
      server.kill();
      await load;
      expect((await engine.failing()).map((f) => f.part)).toContain('keys');
      await server.restart();
      await until('it goes on', async () => (await engine.failing()).length === 0, { boundMs: 30_000 });
      const seen = (await engine.readModels.checkpoint(name))!;
      expect(seen >= position(acknowledged)).toBe(true);
      const rows = await engine.readModels.find(name, { where: {}, limit: 1000 });
      expect(rows).toHaveLength(120);
      expect(rows.filter((r) => r.position < seen)).toEqual([]);
    }
    const found = await engine.keys.keys(kept.map((k) => k.id));
    for (const k of kept) expect(Buffer.from((found.get(k.id) as KeyCandidate).wrapped)).toEqual(Buffer.from(k.wrapped));
    expect(await engine.keys.find(kept.map((k) => k.hash))).toEqual(kept.map((k) => k.id));
    // one that was refused is there as a whole or not at all: who asks again gets an answer that lasts
    expect((await engine.keys.claim(lost)).map((a) => (a as KeyCandidate).id)).toEqual(lost.map((k) => k.id));
  });

  it('two writers race for the same rows: each ends at its highest position, as that writer wrote it', async () => {
    const name = await view(engine, rival);
    const orders = Array.from({ length: 24 }, (_, i) => i + 1).toSorted(() => Math.random() - 0.5);
    await Promise.all(orders.map((n, i) => [rival, engine][i % 2]!.readModels.apply(name, Array.from({ length: 30 }, (_, r) => change(`r${r}`, n * 100 + r, n % 5 === 0 ? null : { owner: `o${n}`, n })), position(n))));
    const rows = await rival.readModels.find(name, { where: {}, limit: 1000 });
    expect(rows.map((r) => [r.position, r.row['n']])).toEqual(rows.map((_, r) => [position(2400 + Number(rows[r]!.id.slice(1))), 24]));
    expect(rows).toHaveLength(30);
    expect(await rival.readModels.checkpoint(name)).toBe(position(24));
    expect(await engine.readModels.count(name, { owner: { eq: 'o24' } })).toBe(30);
  });

  it('a view that gets another index while an older program writes on: every row is found by it', async () => {
    const name = await view(engine, rival);
    let n = 0, stop = false;
    const old = (async () => { while (!stop) { n++; await rival.readModels.apply(name, [change(`r${String(n).padStart(5, '0')}`, n, { owner: 'o', state: 's' })], position(n)); } })();
    await until('rows are written', async () => n >= 10);
    await engine.readModels.define({ name, indexes: { by_state: ['state'] } });
    const at = n;
    await until('rows are written on', async () => n >= at + 20);
    stop = true;
    await old;
    expect(await engine.readModels.count(name, { state: { eq: 's' } })).toBe(n);
    expect((await engine.readModels.find(name, { where: { state: { eq: 's' } }, limit: 1000 }))).toHaveLength(Math.min(n, 1000));
  });

  it('a program that has not heard of another index yet writes its rows once more, with what that index names', async () => {
    const stale = await openMongoDB({ url: server.url, deadlineMs: 20_000, clock: { ...systemClock, monotonic: () => 0 } });
    try {
      const name = await view(stale);
      await stale.readModels.apply(name, [change('a', 1, { owner: 'o', area: 's' })], position(1));
      await engine.readModels.define({ name, indexes: { by_area: ['area'] } });
      await stale.readModels.apply(name, [change('b', 2, { owner: 'o', area: 's' })], position(2));
      expect((await engine.readModels.find(name, { where: { area: { eq: 's' } }, limit: 10 })).map((r) => r.id)).toEqual(['a', 'b']);
    } finally { await stale.close(); }
  });

  it('opened again, by several at once, finds what is there; closed, it leaves no connection', async () => {
    const key = candidate();
    await engine.keys.claim([key]);
    const before = process.getActiveResourcesInfo().filter((r) => /TCP|Timeout/.test(r)).length;
    const others = await Promise.all([1, 2, 3].map(() => openMongoDB({ url: server.url, deadlineMs: 20_000 })));
    for (const other of others) expect(await other.keys.find([key.hash])).toEqual([key.id]);
    await Promise.all(others.map((o) => o.close()));
    await until('its connections are gone', async () => process.getActiveResourcesInfo().filter((r) => /TCP|Timeout/.test(r)).length <= before, { pauseMs: 0 });
    await expect(others[0]!.keys.find([key.hash])).rejects.toBeInstanceOf(Unavailable);
  });
});
