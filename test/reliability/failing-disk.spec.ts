import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../bench/ground.js';
import { lost, read, unlawfulCalls } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { load } from './house/load.js';
import type { Reply, Sender } from './house/sender.js';
import { bearer, built, caughtUp, newPlace, removed, started, token, type Place } from './house/server.js';
import { compiler, controlText, powerCutEnv, type Faults } from './power-cut/shim.js';

/** Ready again within this of the disk being well. */
const READY_AGAIN_MS = 30_000;
const EVER = 1_000_000_000;
let gateway: NotingGateway;
const places: Place[] = [];

beforeAll(async () => { built(); gateway = await notingGateway(); }, 60_000);
/** What a spec that fails half-way leaves behind. */
const undo: (() => unknown)[] = [];
afterEach(async () => { for (const step of undo.splice(0).reverse()) await step(); });
afterAll(async () => { await gateway.close(); for (const p of places) await removed(p); });

/** A server whose disk fails when it is told to. */
async function onFaultyDisk(env: Record<string, string> = {}) {
  const at = await newPlace(gatewaysAt(gateway.url), env);
  places.push(at);
  const [shadow, control] = [join(at.root, 'shadow'), join(at.root, 'control')];
  mkdirSync(at.data, { mode: 0o700 });
  writeFileSync(control, '');
  const disk = (faults: Faults): void => writeFileSync(control, controlText(faults));
  const server = await started(at, powerCutEnv(at.data, shadow, control));
  undo.push(() => server.end('SIGKILL'));
  return { at, shadow, disk, server, secret: await token(at, 'faulty'), admin: await token(at, 'reader', 'admin') };
}
const ready = (who: Sender): Promise<Reply> => who.ask('GET', '/ready');

const CASES: { name: string; part: 'log' | 'keys'; faults: Faults }[] = [
  { name: 'fsync of the log fails (EIO)', part: 'log', faults: { failFsync: { part: 'log.db', first: 1, count: EVER } } },
  { name: 'fsync of the keys fails (EIO)', part: 'keys', faults: { failFsync: { part: 'keys.db', first: 1, count: EVER } } },
  { name: 'no space left for the log (ENOSPC)', part: 'log', faults: { failWrite: { part: 'log.db', first: 1, count: EVER } } },
  { name: 'no space left for the keys (ENOSPC)', part: 'keys', faults: { failWrite: { part: 'keys.db', first: 1, count: EVER } } },
];

(compiler() ? describe : describe.skip)('T77 a disk that fails under load (needs gcc)', () => {
  it.each(CASES)('$name: 503 and no false acknowledgement, reads go on, ready again when it is well, nothing lost in a power cut', async ({ name, part, faults }) => {
    const { at, shadow, disk, server, secret, admin } = await onFaultyDisk();
    const callsBefore = gateway.calls.length;
    gateway.takes = () => 5;
    const [who, reader] = [bearer(at, secret), bearer(at, admin, 4)];
    const l = load(who, 'native', 12);
    undo.push(() => { void l.stop(); });
    await until('there is load', () => Promise.resolve(l.acknowledged().length > 100), { pauseMs: 5 });
    expect((await ready(reader)).status).toBe(200);

    let refusals = 0;
    const careless: string[] = [];
    l.onRefused = ({ status, headers, text }) => {
      refusals++;
      const after = Number(headers['retry-after']);
      if (status !== 503 || !(after > 0 && after <= 1)) careless.push(`${status} retry-after ${String(headers['retry-after'])}: ${text}`);
    };
    disk(faults);
    await until('requests are refused', () => Promise.resolve(refusals > 50), { pauseMs: 5, boundMs: 10_000 });
    const acknowledgedAtFault = l.acknowledged().length;
    let named = '';
    await until('/ready names the part', async () => {
      const reply = await ready(reader);
      if (reply.status !== 503) return false;
      named = (reply.body['failing'] as { part: string }[]).map((f) => f.part).join(', ');
      return true;
    }, { boundMs: 10_000 });
    expect(named).toContain(part);
    const reads: number[] = [], owner = bearer(at, secret, 4);
    undo.push(() => owner.close());
    const last = l.acknowledged().slice(-20);
    for (const w of last) reads.push((await owner.ask('GET', `/api/v1/messages/${w.id}`)).status);
    reads.push((await reader.ask('GET', '/api/v1/messages?limit=50')).status, (await reader.ask('GET', '/health')).status);
    expect(reads.filter((status) => status !== 200)).toEqual([]);
    // what is another's is shown once it is written down who looks, and so not now
    if (part === 'log') expect((await reader.ask('GET', `/api/v1/messages/${last[0]!.id}`)).status).toBe(503);
    expect(l.acknowledged().length).toBe(acknowledgedAtFault);

    disk({});
    const well = performance.now();
    await until('it is ready again', async () => (await ready(reader)).status === 200, { boundMs: READY_AGAIN_MS });
    await until('requests are taken again', () => Promise.resolve(l.acknowledged().length > acknowledgedAtFault + 50), { boundMs: READY_AGAIN_MS, pauseMs: 5 });
    const backMs = Math.round(performance.now() - well);
    await server.end('SIGKILL');
    await l.stop();
    for (const client of [who, reader]) client.close();

    const calls = gateway.calls.slice(callsBefore);
    const disks = { 'after the power cut': await read(shadow), 'as it was left': await read(at.data) };
    console.log(`${name}: ${l.acknowledged().length} acknowledged, ${refusals} refused with 503, /ready named ${named}, ${reads.length} reads 200, back after ${backMs} ms, ${calls.length} calls`);
    expect(careless).toEqual([]);
    for (const [which, found] of Object.entries(disks)) {
      expect([which, lost(found, l.wishes)]).toEqual([which, []]);
      expect([which, unlawfulCalls(found, calls)]).toEqual([which, []]);
    }

    // the next start deals with what is left: once its views have seen all, they are what the log says
    const next = await started(at);
    undo.push(() => next.end('SIGKILL'));
    await caughtUp(at);
    expect((await next.end('SIGTERM')).code).toBe(0);
    const found = await read(at.data);
    expect(lost(found, l.wishes)).toEqual([]);
    expect(unlawfulCalls(found, gateway.calls.slice(callsBefore))).toEqual([]);
    expect(found.wrongRows).toEqual([]);
  }, 60_000);
});
