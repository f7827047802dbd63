import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../bench/ground.js';
import { counts, lost, read, unlawfulCalls } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { life, STAGES, stageOf, stillborn, type Campaign, type Kill } from './house/killing.js';
import { askFor, wish, type Sender } from './house/sender.js';
import { bearer, built, caughtUp, certified, newPlace, removed, started, token, type Place } from './house/server.js';

/** How often a kill must have fallen into each moment; `KILLS_EACH=200` is the long campaign: docs/benchmarks.md says what it found. */
const EACH = Number(process.env['KILLS_EACH'] ?? 1);
/** Kills on one folder: ten aimed at each moment. */
const KILLS = 60;
type Moment = Kill['aim'];
const MOMENTS: readonly Moment[] = [...STAGES, 'starting'];
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

/** Kills on a folder of its own, aimed at these moments in turn; then everything is asked for, sent, and audited. @returns where the kills fell */
async function campaign(aims: readonly Moment[], count: number, random: () => number): Promise<Map<Moment, number>> {
  gateway.takes = () => random() * 30;
  gateway.calls = [];
  const at = await place();
  const first = await started(at);
  const c: Campaign = { place: at, gateway, secret: await token(at, 'killed'), wishes: [], random };
  const later = Array.from({ length: 5 }, () => wish('native', { sendAt: new Date(Date.now() + 86_400_000).toISOString() }));
  const before = bearer(at, c.secret);
  for (const w of later) await askFor(before, w);
  before.close();
  await first.end('SIGKILL');

  const kills: Kill[] = [];
  for (let i = 0; i < count; i++) {
    const aim = aims[i % aims.length]!;
    kills.push(aim === 'starting' ? await stillborn(at, random() * 400) : await life(c, aim));
  }

  // what was never answered is asked for again; then everything is, and is answered as before
  const last = await started(at);
  const [native, s1, admin] = [bearer(at, c.secret), certified(at), bearer(at, await token(at, 'reader', 'admin'))];
  const everything = [...c.wishes, ...later];
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

  // the log tells afterwards where each kill fell
  const found = await read(at.data);
  const calls = new Map(gateway.calls.map((call) => [call.key, call]));
  const fell = new Map<Moment, number>();
  for (const k of kills) {
    const moment = k.aim === 'starting' ? k.aim : stageOf(found, k, calls);
    if (moment) fell.set(moment, (fell.get(moment) ?? 0) + 1);
  }
  const by = counts(found);
  console.log(`kill -9: ${kills.length} kills on one folder, which fell into ${MOMENTS.map((m) => `${m} ${fell.get(m) ?? 0}`).join(', ')}; `
    + `${everything.length} messages acknowledged (${unanswered.length} of them only at a repeat), ${gateway.calls.length} calls, ${by['AttemptUnknown'] ?? 0} unknown, ${by['AttemptSent']} sent, ${by['AttemptNotMade'] ?? 0} not made`);
  expect(lost(found, everything)).toEqual([]);
  expect(found.messages.size).toBe(everything.length);
  expect(unlawfulCalls(found, gateway.calls)).toEqual([]);
  expect(found.wrongRows).toEqual([]);
  expect(by['MessageDead'] ?? 0).toBe(0);
  expect(by['AttemptSent']).toBe(everything.length - later.length);
  await removed(at);
  return fell;
}

describe('kill -9 under load', () => {
  it(`T45 ${KILLS} times on one folder, until ${EACH} fell into each moment: every acknowledged message is there once, no call without its record, nothing sent twice without unknown`, async () => {
    const random = drawn(7);
    const fell = new Map<Moment, number>(MOMENTS.map((m) => [m, 0]));
    // moments that too few fell into are aimed at again, on the next folder
    for (let folder = 0, aims = MOMENTS; folder < 5 + EACH && aims.length > 0; folder++, aims = MOMENTS.filter((m) => fell.get(m)! < EACH)) {
      for (const [moment, n] of await campaign(aims, folder === 0 || EACH > 1 ? KILLS : 10, random)) fell.set(moment, fell.get(moment)! + n);
    }
    console.log(`kill -9: fell into ${[...fell].map(([m, n]) => `${m} ${n}`).join(', ')}`);
    for (const n of fell.values()) expect(n).toBeGreaterThanOrEqual(EACH);
  }, 300_000 + EACH * 60_000);

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
