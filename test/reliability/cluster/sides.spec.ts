/** Two of every process side by side, and three workers: one lane, one message for one key, and what is revoked or set at one API counts at the other. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../bench/ground.js';
import type { Call } from '../house/gateway.js';
import { askFor, wish, type Reply, type Wish } from '../house/sender.js';
import type { Member } from './cluster.js';
import { UnderLoad } from './under-load.js';

const RATE = 40, AT_ONCE = 5, WINDOW_MS = 5_000;
/** calls of the first kind are short, so that the rate bounds them; of the second long, so that the places do */
const SHORT_MS = 20, LONG_MS = 400;
let ground: UnderLoad;
beforeAll(async () => { ground = await UnderLoad.open('sides', { api: 2, projector: 2, worker: 3 }, { rate: RATE, concurrency: AT_ONCE, deadlineMs: 10_000 }, 0); }, 240_000);
afterAll(() => ground?.close(), 60_000);

/** New messages, acknowledged by one API or the other. */
async function accepted(count: number): Promise<string[]> {
  const wishes = Array.from({ length: count }, () => wish('native'));
  ground.load.wishes.push(...wishes);
  await Promise.all(wishes.map((w, i) => askFor(ground.senders[i % 2]!, w)));
  expect(wishes.filter((w) => w.id === null)).toEqual([]);
  return wishes.map((w) => w.id!);
}
/** The projector that hands over. */
async function leader(): Promise<Member> {
  let leads: Member | undefined;
  await until('one projector leads', async () => {
    const says = await Promise.all(ground.cluster.of('projector').map(async (p) => (await ground.cluster.asked(p, '/metrics'))?.text.includes('heliograph_follower_events{follower="due-work"}')));
    leads = ground.cluster.of('projector').find((_, i) => says[i]);
    return leads !== undefined;
  }, { boundMs: 20_000 });
  return leads!;
}
/** The most calls that were under way at one moment. */
const mostAtOnce = (calls: readonly Call[]): number => {
  const moments = calls.flatMap((c) => [{ at: c.at, by: 1 }, { at: c.answeredAt ?? Infinity, by: -1 }]).sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0, most = 0;
  for (const { by } of moments) most = Math.max(most, now += by);
  return most;
};
/** The most calls that began within any stretch of WINDOW_MS. */
const mostInWindow = (calls: readonly Call[]): number => Math.max(...calls.map(({ at }) => calls.filter((c) => c.at >= at && c.at < at + WINDOW_MS).length));

describe('the lane of a gateway', () => {
  it('keeps its rate over all workers, also while the projector that leads is killed and the other takes over', async () => {
    ground.gateway.takes = () => SHORT_MS;
    const ids = await accepted(400);
    await until('sending is under way', () => Promise.resolve(ground.gateway.calls.length >= 100), { pauseMs: 10 });
    const killed = await leader();
    await killed.kill();
    const before = ground.gateway.calls.length;
    expect(before).toBeLessThan(ids.length - 100);
    await ground.timed('another leads', () => until('another hands over', () => Promise.resolve(ground.gateway.calls.length > before + AT_ONCE), { boundMs: 30_000, pauseMs: 10 }));
    await ground.timed('all of 400', () => ground.reach(ids));
    expect(ground.gateway.calls).toHaveLength(ids.length);
    // a bucket holds a second's worth; what was handed over and is late comes on top, and that is no more than the places
    expect(mostInWindow(ground.gateway.calls)).toBeLessThanOrEqual((RATE * WINDOW_MS) / 1000 + RATE + AT_ONCE);
    await killed.start();
  }, 120_000);

  it('keeps its places over all workers', async () => {
    ground.gateway.takes = () => LONG_MS;
    const before = ground.gateway.calls.length;
    await ground.reach(await accepted(60));
    await until('all are answered', () => Promise.resolve(ground.gateway.calls.every((c) => c.answeredAt !== null)));
    expect(mostAtOnce(ground.gateway.calls.slice(before))).toBe(AT_ONCE);
    ground.gateway.takes = () => SHORT_MS;
  }, 60_000);
});

describe('a hundred requests at once with one key over two APIs', () => {
  it('make one message and are answered alike', async () => {
    const w: Wish = wish('native');
    ground.load.wishes.push(w);
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => askFor(ground.senders[i % 2]!, w)));
    expect(replies.map((r) => r.status)).toEqual(replies.map(() => 202));
    expect(new Set(replies.map((r) => r.text)).size).toBe(1);
    await ground.reach([w.id!]);
  }, 60_000);
});

describe('what happens at one API counts at the other', () => {
  it('a revoked token is refused within five seconds, also on a connection that is open', async () => {
    const made = await ground.cluster.cli<{ id: string; token: string }>('tokens', 'create', '--owner', 'gone', '--role', 'user');
    const holders = [0, 1].map((api) => ground.cluster.bearer(made.token, api, 1));
    const ask = (): Promise<Reply[]> => Promise.all(holders.map((h) => h.ask('GET', '/api/v1/messages?limit=1')));
    expect((await ask()).map((r) => r.status)).toEqual([200, 200]);
    await ground.cluster.cli('tokens', 'revoke', made.id);
    await ground.timed('revoked everywhere', () => until('both refuse it', async () => (await ask()).every((r) => r.status === 401), { boundMs: 5_000, pauseMs: 20 }));
    for (const h of holders) h.close();
  }, 60_000);

  it('a setting that was changed at one is in force at the other', async () => {
    const limit = 87_654_321;
    const other = ground.cluster.bearer(await ground.cluster.token('looks', 'admin'), 1, 1);
    const put = await ground.admin.ask('PUT', '/api/v1/settings', { security: { rate_limit_minute: limit } });
    expect([put.status, put.text]).toEqual([200, expect.anything()]);
    await ground.timed('in force', () => until('the other API goes by it', async () => (await other.ask('GET', '/api/v1/messages?limit=1')).headers['x-ratelimit-limit'] === String(limit), { boundMs: 2_000, pauseMs: 20 }));
    other.close();
  }, 60_000);

  it('afterwards nothing acknowledged is lost, nothing was sent twice, and the views are the fold of the log', async () => {
    const found = await ground.holds();
    expect(found.log.filter((e) => e.type === 'AttemptUnknown')).toEqual([]);
    expect(ground.gateway.calls).toHaveLength(ground.load.wishes.length);
  }, 180_000);
});
