import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../bench/ground.js';
import { lost, read } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { wish, type Reply } from './house/sender.js';
import { bearer, built, newPlace, removed, started, token, type Place } from './house/server.js';
import { compiler, controlText, powerCutEnv } from './power-cut/shim.js';

const SLOW_MS = 1_000;
/** Of the largest text, so many to a batch as one append takes: about 140 kB; all of them are well over what may wait. */
const [BATCH, AT_ONCE] = [50, 400];
/** What may wait for the disk is 32 MiB; with what each request holds of its own, and Node's, far below this. */
const MOST_MIB = 700;
let gateway: NotingGateway;
let at: Place;
const undo: (() => unknown)[] = [];
beforeAll(async () => {
  built();
  gateway = await notingGateway();
  at = await newPlace(gatewaysAt(gateway.url));
}, 60_000);
afterEach(async () => { for (const step of undo.splice(0).reverse()) await step(); });
afterAll(async () => { await gateway.close(); await removed(at); });

(compiler() ? describe : describe.skip)('T77 a disk that is slow (needs gcc)', () => {
  it('slows its callers; when more waits than may, they are told to come again; memory stays bounded, reads go on, nothing is lost', async () => {
    const [shadow, control] = [join(at.root, 'shadow'), join(at.root, 'control')];
    mkdirSync(at.data, { mode: 0o700 });
    writeFileSync(control, '');
    const server = await started(at, powerCutEnv(at.data, shadow, control));
    undo.push(() => server.end('SIGKILL'));
    const who = bearer(at, await token(at, 'slow', 'admin'), AT_ONCE + 8);
    undo.push(() => who.close());
    const w = wish('native');
    const later = new Date(Date.now() + 86_400_000).toISOString();
    const one = await who.ask('POST', '/api/v1/messages', { to: w.to, body: w.body, send_at: later }, { 'idempotency-key': w.key });
    expect(one.status).toBe(202);
    const memory = (): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))![1]) / 1024;

    writeFileSync(control, controlText({ delayFsyncMs: SLOW_MS }));
    const messages = Array.from({ length: BATCH }, (_, i) => ({ to: w.to, body: `${i}`.padEnd(1_000, 'ü'), send_at: later }));
    const answers: Reply[] = [];
    let most = memory();
    const asked = Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => { answers.push(await who.ask('POST', '/api/v1/messages/batch', { messages }, { 'idempotency-key': `slow-${i}` })); }));
    const reads: Reply[] = [];
    await until('somebody is told to come again', async () => {
      most = Math.max(most, memory());
      reads.push(await who.ask('GET', `/api/v1/messages/${String(one.body['id'])}`));
      return answers.some((r) => r.status === 503);
    }, { boundMs: 20_000, pauseMs: 20 });
    writeFileSync(control, '');
    await asked;
    most = Math.max(most, memory());
    const by: Record<number, number> = {};
    for (const r of answers) by[r.status] = (by[r.status] ?? 0) + 1;
    const slowest = Math.max(...reads.map((r) => r.ms));
    console.log(`slow disk (${SLOW_MS} ms a flush): ${AT_ONCE} batches of ${BATCH} at once: ${JSON.stringify(by)}; at most ${Math.round(most)} MiB; ${reads.length} reads meanwhile, the slowest ${Math.round(slowest)} ms`);
    expect(Object.keys(by).sort()).toEqual(['207', '503']);
    for (const r of answers) if (r.status === 503) expect(Number(r.headers['retry-after'])).toBeGreaterThan(0);
    expect(reads.filter((r) => r.status !== 200)).toEqual([]);
    expect(most).toBeLessThan(MOST_MIB);
    // who comes again, once what was accepted has been dealt with, is served, under the same key
    await until('who comes again is served', async () => {
      const again = await who.ask('POST', '/api/v1/messages/batch', { messages }, { 'idempotency-key': `slow-${AT_ONCE - 1}` });
      answers.push(again);
      return again.status === 207 && again.body['accepted'] === BATCH;
    }, { boundMs: 20_000, pauseMs: 200 });
    await server.end('SIGKILL');
    const found = await read(shadow);
    const batches = new Set(found.log.filter((e) => e.type === 'BatchAccepted').map((e) => e.stream));
    expect(answers.filter((r) => r.status === 207 && !batches.has(`batch-${String(r.body['batch'])}`))).toEqual([]);
    w.id = String(one.body['id']);
    expect(lost(found, [w])).toEqual([]);
  }, 60_000);
});
