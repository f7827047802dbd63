import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { endsWithUs } from '../bench/load/tools.js';
import { until } from '../bench/ground.js';
import { counts, lost, read, unlawfulCalls } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { load } from './house/load.js';
import { bearer, built, caughtUp, certified, newPlace, NODE, removed, started, token, type Place } from './house/server.js';
import type { Sender, Wish } from './house/sender.js';
import { compiler, powerCutEnv } from './power-cut/shim.js';

const CUTS = 4;
let gateway: NotingGateway;
const places: Place[] = [];
const undo: (() => unknown)[] = [];
beforeAll(async () => { built(); gateway = await notingGateway(); }, 60_000);
afterEach(async () => { for (const step of undo.splice(0).reverse()) await step(); });
afterAll(async () => { await gateway.close(); for (const p of places) await removed(p); });

(compiler() ? describe : describe.skip)('T77 the power goes (needs gcc)', () => {
  it(`${CUTS} times under load, and the server goes on with what the disk then held: nothing acknowledged is lost, no call is without its record`, async () => {
    gateway.takes = () => Math.random() * 20;
    const at = await newPlace(gatewaysAt(gateway.url));
    places.push(at);
    let data = join(at.root, 'disk-0');
    mkdirSync(data, { mode: 0o700 });
    let secret = '';
    const wishes: Wish[] = [];
    for (let cut = 1; cut <= CUTS; cut++) {
      const shadow = join(at.root, `disk-${cut}`);
      cpSync(data, shadow, { recursive: true, filter: (file) => !file.endsWith('.sock') });
      const here: Place = { ...at, data };
      const server = await started(here, { DATA_DIR: data, ...powerCutEnv(data, shadow) });
      undo.push(() => server.end('SIGKILL'));
      secret ||= await token(here, 'cut');
      const clients = [bearer(here, secret), certified(here)];
      const loads = [load(clients[0]!, 'native', 16), load(clients[1]!, 's1', 4)];
      undo.push(() => { for (const l of loads) void l.stop(); });
      const enough = 30 + Math.floor(Math.random() * 120);
      await until('there is load', () => Promise.resolve(loads.every((l) => l.acknowledged().length > 10) && loads[0]!.acknowledged().length > enough), { pauseMs: 1 });
      await server.end('SIGKILL');
      for (const l of loads) await l.stop();
      for (const client of clients) client.close();
      wishes.push(...loads.flatMap((l) => l.acknowledged()));
      data = shadow;
    }
    const here: Place = { ...at, data };
    const last = await started(here, { DATA_DIR: data });
    undo.push(() => last.end('SIGKILL'));
    const admin: Sender = bearer(here, await token(here, 'reader', 'admin'));
    for (const status of ['queued', 'sending', 'retrying']) {
      await until(`none is ${status}`, async () => ((await admin.ask('GET', `/api/v1/messages?status=${status}&limit=1`)).body['messages'] as unknown[]).length === 0, { boundMs: 30_000, pauseMs: 100 });
    }
    await caughtUp(here);
    admin.close();
    expect((await last.end('SIGTERM')).code).toBe(0);
    const found = await read(data);
    const by = counts(found);
    console.log(`power cut: ${CUTS} cuts, ${wishes.length} acknowledged, ${found.messages.size} there, ${gateway.calls.length} calls, ${by['AttemptUnknown'] ?? 0} unknown`);
    expect(lost(found, wishes)).toEqual([]);
    expect(unlawfulCalls(found, gateway.calls)).toEqual([]);
    expect(found.wrongRows).toEqual([]);
    expect(by['AttemptSent']).toBe(found.messages.size);
  }, 90_000);

  it('the control: the same writer on the same file with synchronous=NORMAL loses what it acknowledged, with FULL nothing', async () => {
    const cut = async (synchronous: 'FULL' | 'NORMAL'): Promise<{ acknowledged: number; lost: number }> => {
      const root = mkdtempSync(join(tmpdir(), 'heliograph-fault-'));
      try {
        const [dir, shadow] = [join(root, 'data'), join(root, 'shadow')];
        mkdirSync(dir);
        const engine = resolve(import.meta.dirname, '../../dist/libs/engines/embedded');
        const child = endsWithUs(spawn(NODE, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'power-cut/log-writer.mjs'), engine, join(dir, 'log.db'), synchronous], { env: { ...process.env, ...powerCutEnv(dir, shadow) }, stdio: ['ignore', 'pipe', 'inherit'] }));
        undo.push(() => child.kill('SIGKILL'));
        const ended = once(child, 'close');
        const said: string[] = [];
        for await (const line of createInterface({ input: child.stdout })) if (said.push(line) === 400) child.kill('SIGKILL');
        await ended;
        const db = new DatabaseSync(join(shadow, 'log.db'));
        const kept = new Set(db.prepare('SELECT stream FROM events').all().map((row) => String(row['stream'])));
        db.close();
        return { acknowledged: said.length, lost: said.filter((n) => !kept.has(`noted-${n}`)).length };
      } finally { rmSync(root, { recursive: true, force: true }); }
    };
    const [full, normal] = [await cut('FULL'), await cut('NORMAL')];
    console.log(`power cut, the control: of ${full.acknowledged} acknowledged with synchronous=FULL ${full.lost} are lost, of ${normal.acknowledged} with NORMAL ${normal.lost}`);
    expect(full.acknowledged).toBeGreaterThanOrEqual(400);
    expect(full.lost).toBe(0);
    expect(normal.lost).toBeGreaterThan(0);
  }, 30_000);
});
