import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../bench/ground.js';
import { counts, lost, read, unlawfulCalls } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { life, STAGES, stageOf, stillborn, type Campaign, type Kill, type Stage } from './house/killing.js';
import { askFor, wish, type Sender } from './house/sender.js';
import { bearer, built, caughtUp, certified, newPlace, removed, started, token, type Place } from './house/server.js';

/** `KILLS=1200` is the long campaign: docs/benchmarks.md says what it found. */
const KILLS = Number(process.env['KILLS'] ?? 50);
const MOST_KILLS = KILLS * 1.8;
/** Ends whatever was not sent, by a gateway's deadline and the ten seconds after it, and more. */
const QUIET_MS = 40_000;

let gateway: NotingGateway;
const places: Place[] = [];
const place = async (): Promise<Place> => { const p = await newPlace(gatewaysAt(gateway.url)); places.push(p); return p; };
/** The same on every run; what falls where still differs with the machine's pace. */
const drawn = (seed: number) => (): number => { seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0; return seed / 2 ** 32; };

beforeAll(async () => { built(); gateway = await notingGateway(); }, 60_000);
afterAll(async () => { await gateway.close(); for (const p of places) await removed(p); });

/** How many of an owner's messages have this status, up to a page. */
const having = async (admin: Sender, status: string): Promise<number> =>
  ((await admin.ask('GET', `/api/v1/messages?status=${status}&limit=200`)).body['messages'] as unknown[] | undefined)?.length ?? Infinity;

describe('kill -9 under load', () => {
  it(`${KILLS} times on one folder: every acknowledged message is there once, no call without its record, nothing sent twice without unknown`, async () => {
    const random = drawn(7);
    gateway.takes = () => random() * 30;
    const at = await place();
    const first = await started(at);
    const campaign: Campaign = { place: at, gateway, secret: await token(at, 'killed'), wishes: [], random };
    const later = Array.from({ length: 5 }, () => wish('native', { sendAt: new Date(Date.now() + 86_400_000).toISOString() }));
    const before = bearer(at, campaign.secret);
    for (const w of later) await askFor(before, w);
    before.close();
    await first.end('SIGKILL');

    const kills: Kill[] = [];
    const stages = new Map<Stage, number>(STAGES.map((s) => [s, 0]));
    for (let i = 0; i < KILLS; i++) {
      kills.push(await life(campaign, STAGES[i % STAGES.length]!));
      if (i % 10 === 9) kills.push(await stillborn(at, random() * 400));
    }
    // the log tells afterwards where each kill fell; stages that none fell into yet are aimed at again
    const seen = async (): Promise<void> => {
      const found = await read(at.data);
      const calls = new Map(gateway.calls.map((c) => [c.key, c]));
      for (const s of STAGES) stages.set(s, 0);
      for (const k of kills) {
        const stage = stageOf(found, k, calls);
        if (stage) stages.set(stage, stages.get(stage)! + 1);
      }
    };
    await seen();
    while ([...stages].some(([, n]) => n === 0) && kills.length < MOST_KILLS) {
      const missing = [...stages].find(([, n]) => n === 0)![0];
      for (let i = 0; i < 5; i++) kills.push(await life(campaign, missing));
      await seen();
    }

    // what was never answered is asked for again; then everything is, and is answered as before
    const last = await started(at);
    const [native, s1, admin] = [bearer(at, campaign.secret), certified(at), bearer(at, await token(at, 'reader', 'admin'))];
    const everything = [...campaign.wishes, ...later];
    const unanswered = everything.filter((w) => w.id === null);
    for (const w of unanswered) expect((await askFor(w.shape === 's1' ? s1 : native, w)).status).toBe(w.shape === 's1' ? 200 : 202);
    const again = [...everything];
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (let w = again.pop(); w; w = again.pop()) expect((await askFor(w.shape === 's1' ? s1 : native, w)).headers['idempotency-replayed']).toBe('true');
    }));
    await until('nothing is under way any more', async () => (await having(admin, 'sending')) + (await having(admin, 'retrying')) === 0 && (await having(admin, 'queued')) === later.length, { boundMs: QUIET_MS, pauseMs: 200 });
    await caughtUp(at);
    for (const client of [native, s1, admin]) client.close();
    expect((await last.end('SIGTERM')).code).toBe(0);

    const found = await read(at.data);
    const by = counts(found);
    console.log(`kill -9: ${kills.length} kills (${kills.filter((k) => k.aim === 'starting').length} of them while starting), which fell into ${[...stages].map(([s, n]) => `${s} ${n}`).join(', ')}; `
      + `${everything.length} messages acknowledged (${unanswered.length} of them only at a repeat), ${gateway.calls.length} calls, ${by['AttemptUnknown'] ?? 0} unknown, ${by['AttemptSent']} sent, ${by['AttemptNotMade'] ?? 0} not made`);
    expect(kills.filter((k) => k.aim !== 'starting').length).toBeGreaterThanOrEqual(KILLS);
    for (const s of STAGES) expect([s, stages.get(s)]).not.toEqual([s, 0]);
    expect(lost(found, everything)).toEqual([]);
    expect(found.messages.size).toBe(everything.length);
    expect(unlawfulCalls(found, gateway.calls)).toEqual([]);
    expect(found.wrongRows).toEqual([]);
    expect(by['MessageDead'] ?? 0).toBe(0);
    expect(by['AttemptSent']).toBe(everything.length - later.length);
  }, KILLS * 5_000);

  it('a first start that is killed anywhere leaves a folder that the next start takes', async () => {
    const random = drawn(11);
    let after = 0;
    for (let i = 0; i < 3; i++) {
      const at = await place();
      for (let k = 0; k < 2; k++) await stillborn(at, 60 + (after += 55) + random() * 30);
      const server = await started(at);
      const who = bearer(at, await token(at, 'survivor'));
      const w = wish('native');
      expect((await askFor(who, w)).status).toBe(202);
      who.close();
      expect((await server.end('SIGTERM')).code).toBe(0);
      expect(lost(await read(at.data), [w])).toEqual([]);
    }
  }, 60_000);
});
