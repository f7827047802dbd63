import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../bench/ground.js';
import { counts, lost, read, unlawfulCalls } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { load } from './house/load.js';
import { askFor, wish } from './house/sender.js';
import { alive, bearer, built, caughtUp, certified, newPlace, removed, started, starting, token, type Place } from './house/server.js';

const SHUTDOWN_SECONDS = 5;
let gateway: NotingGateway;
const places: Place[] = [];
const place = async (): Promise<Place> => { const p = await newPlace(gatewaysAt(gateway.url), { SHUTDOWN_SECONDS: String(SHUTDOWN_SECONDS) }); places.push(p); return p; };

beforeAll(async () => { built(); gateway = await notingGateway(); }, 60_000);
afterAll(async () => { await gateway.close(); for (const p of places) await removed(p); });

describe('T87 SIGTERM', () => {
  it('under load: ends by itself with 0 in its time, loses nothing, sends nothing twice; the next start goes on', async () => {
    gateway.takes = () => Math.random() * 60;
    const at = await place();
    const server = await started(at);
    const secret = await token(at, 'ended');
    const clients = [bearer(at, secret), certified(at)];
    const loads = [load(clients[0]!, 'native', 24), load(clients[1]!, 's1', 6)];
    await until('there is load', () => Promise.resolve(loads.every((l) => l.acknowledged().length > 40) && gateway.calls.length > 50), { pauseMs: 5 });
    const [callsBefore, acknowledgedBefore] = [gateway.calls.length, loads.flatMap((l) => l.acknowledged()).length];
    const asked = performance.now();
    const ended = await server.end('SIGTERM');
    const took = performance.now() - asked;
    for (const l of loads) await l.stop();
    for (const client of clients) client.close();
    expect(ended).toMatchObject({ code: 0 });
    expect(took).toBeLessThan(SHUTDOWN_SECONDS * 1000);
    expect(alive(server.child.pid!)).toBe(false);
    expect(existsSync(join(at.data, 'control.sock'))).toBe(false);

    const wishes = loads.flatMap((l) => l.acknowledged());
    const between = await read(at.data);
    expect(lost(between, wishes)).toEqual([]);
    expect(unlawfulCalls(between, gateway.calls)).toEqual([]);
    // drained: no call was left without its outcome
    const open = [...between.messages.values()].filter((m) => m.events.at(-1)!.type === 'AttemptStarted');
    expect(open.map((m) => m.id)).toEqual([]);

    const second = await started(at);
    const admin = bearer(at, await token(at, 'reader', 'admin'));
    for (const status of ['queued', 'sending', 'retrying']) {
      await until(`none is ${status}`, async () => ((await admin.ask('GET', `/api/v1/messages?status=${status}&limit=1`)).body['messages'] as unknown[]).length === 0, { boundMs: 20_000 });
    }
    await caughtUp(at);
    admin.close();
    expect((await second.end('SIGTERM')).code).toBe(0);
    const found = await read(at.data);
    const by = counts(found);
    console.log(`SIGTERM under load: ended in ${Math.round(took)} ms; ${acknowledgedBefore} acknowledged and ${callsBefore} calls before it, ${wishes.length} and ${gateway.calls.length} in all; `
      + `without an answer ${loads.reduce((n, l) => n + l.unanswered, 0)}; refused ${JSON.stringify(loads.map((l) => l.refused))}; unknown ${by['AttemptUnknown'] ?? 0}`);
    expect(lost(found, wishes)).toEqual([]);
    expect(unlawfulCalls(found, gateway.calls)).toEqual([]);
    expect(found.wrongRows).toEqual([]);
    expect(by['AttemptUnknown'] ?? 0).toBe(0);
    expect(by['AttemptSent']).toBe(found.messages.size);
  }, 60_000);

  it('with a gateway that hangs: cuts the call when the time is over, notes that its outcome is unknown, and makes no other', async () => {
    gateway.takes = () => Infinity;
    const at = await newPlace(gatewaysAt(gateway.url, { deadlineMs: 60_000, concurrency: 1 }), { SHUTDOWN_SECONDS: '1' });
    places.push(at);
    const before = gateway.calls.length;
    const server = await started(at);
    const who = bearer(at, await token(at, 'cut'));
    const wishes = [wish('native'), wish('native')];
    for (const w of wishes) expect((await askFor(who, w)).status).toBe(202);
    await until('the gateway was called', () => Promise.resolve(gateway.calls.length > before), { pauseMs: 5 });
    who.close();
    const asked = performance.now();
    const { code, said } = await server.end('SIGTERM');
    expect({ code, said }).toEqual({ code: 0, said: expect.not.stringContaining('could not end in time') });
    expect(performance.now() - asked).toBeLessThan(6_000);
    const calls = () => gateway.calls.slice(before);
    expect(calls()).toHaveLength(1);
    const cut = calls()[0]!.key.split('/')[0]!;
    const between = await read(at.data);
    expect(between.messages.get(cut)!.events.map((e) => e.type)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown']);
    expect(wishes.filter((w) => w.id !== cut).map((w) => between.messages.get(w.id!)!.events.map((e) => e.type))).toEqual([['MessageAccepted']]);

    gateway.takes = () => 0;
    const second = await started(at);
    await until('both are sent', () => Promise.resolve(calls().filter((call) => call.answeredAt !== null).length === 2), { pauseMs: 5 });
    await caughtUp(at);
    expect((await second.end('SIGTERM')).code).toBe(0);
    const found = await read(at.data);
    expect(lost(found, wishes)).toEqual([]);
    expect(unlawfulCalls(found, calls())).toEqual([]);
    expect(found.messages.get(cut)!.events.map((e) => e.type)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown', 'AttemptStarted', 'AttemptSent']);
  }, 30_000);

  it('while starting: ends, leaves no process, and the next start finds everything in order', async () => {
    const at = await place();
    const ends: string[] = [];
    const began = performance.now();
    await (await started(at)).end('SIGTERM');
    const whole = performance.now() - began;
    for (const share of [0, 0.4, 0.6, 0.7, 0.75, 0.8]) {
      const server = starting(at);
      await Promise.race([new Promise((done) => { setTimeout(done, share * whole); }), server.ready]);
      const { code, signal, said } = await server.end('SIGTERM');
      ends.push(signal ?? String(code));
      // before the program has said what it does with the signal, the system ends it; nobody has signed in as the first admin yet, which it warns of
      const firstStart = (line: string) => line.startsWith('{') && (JSON.parse(line) as { level: string; part: string }).part === 'first start';
      const rest = said.split('\n').filter((line) => !firstStart(line)).join('\n');
      expect([code, signal, rest]).toEqual(signal === 'SIGTERM' ? [null, 'SIGTERM', ''] : [0, null, expect.stringMatching(/^(Heliograph is ready|$)/)]);
      expect(alive(server.child.pid!)).toBe(false);
    }
    // the house is open, and the demo client is being made: the last moment before it is ready
    const fresh = await place();
    const last = starting(fresh);
    await until('the demo client is being made', () => Promise.resolve(existsSync(join(fresh.secrets, 'clients'))), { pauseMs: 1 });
    expect(await last.end('SIGTERM')).toMatchObject({ code: 0 });
    console.log(`SIGTERM while starting (${Math.round(whole)} ms, start and end): ended by ${ends.join(', ')}`);
    const server = await started(at);
    const who = bearer(at, await token(at, 'late'));
    const w = wish('native');
    expect((await askFor(who, w)).status).toBe(202);
    who.close();
    expect((await server.end('SIGTERM')).code).toBe(0);
    expect(lost(await read(at.data), [w])).toEqual([]);
  }, 60_000);
});

describe('two servers on one folder', () => {
  it('T77 the second is refused in words and changes nothing; once the first was killed it may start', async () => {
    gateway.takes = () => 0;
    const at = await place();
    const first = await started(at);
    const who = bearer(at, await token(at, 'first'));
    const w = wish('native');
    const other = await newPlace([{ name: 'sms', url: `${gateway.url}/gateway/gateway.jsp` }]);
    places.push(other);
    const { code, said } = await starting(other, { DATA_DIR: at.data, SECRETS_DIR: at.secrets }).ended;
    expect(code).toBe(1);
    expect(said).toContain('another process holds the data folder');
    expect((await askFor(who, w)).status).toBe(202);
    who.close();
    await first.end('SIGKILL');
    const second = await started(other, { DATA_DIR: at.data, SECRETS_DIR: at.secrets });
    expect((await second.end('SIGTERM')).code).toBe(0);
    expect(lost(await read(at.data), [w])).toEqual([]);
  }, 30_000);
});
