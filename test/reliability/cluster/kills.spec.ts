/** kill -9 of every process and of every server, under load: what was acknowledged is there, what was sent is told. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../bench/ground.js';
import { counts, lost, unlawfulCalls } from '../house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from '../house/gateway.js';
import { built } from '../house/server.js';
import type { Sender } from '../house/sender.js';
import { Cluster, type Server } from './cluster.js';
import { steadyLoad, type SteadyLoad } from './steady-load.js';

let gateway: NotingGateway, cluster: Cluster, admin: Sender, load: SteadyLoad;
const senders: Sender[] = [];

beforeAll(async () => {
  built();
  gateway = await notingGateway();
  gateway.takes = () => 5;
  cluster = await Cluster.open(gatewaysAt(gateway.url, { deadlineMs: 2_000 }), { api: 2, projector: 2, worker: 2 });
  const secret = await cluster.token('killed');
  admin = cluster.bearer(await cluster.token('reader', 'admin'), 1);
  senders.push(cluster.bearer(secret, 0), cluster.bearer(secret, 1));
  load = steadyLoad(senders, 2);
  await load.goesOn(50);
}, 240_000);
afterAll(async () => {
  for (const s of [...senders, admin]) s?.close();
  await cluster?.close();
  await gateway.close();
}, 60_000);

/** Who says at the moment that something of this server's is wrong, in /ready and in /metrics. */
async function told(server: Server): Promise<{ ready: string; metrics: boolean } | null> {
  const parts = { eventstoredb: /log/, mongodb: /views|keys|shared/, kafka: /work queue/ }[server.name];
  for (const member of cluster.members) {
    const ready = await cluster.asked(member, '/ready');
    if (ready?.status !== 503) continue;
    const failing = (JSON.parse(ready.text) as { failing: { part: string }[] }).failing.map((f) => f.part).join(', ');
    if (!parts.test(failing)) continue;
    const metrics = await cluster.asked(member, '/metrics');
    return { ready: failing, metrics: metrics?.status === 200 && /heliograph_failing\{[^}]*\} 1/.test(metrics.text) };
  }
  return null;
}

describe('kill -9 under load', () => {
  it.each(['api 1', 'projector 1', 'projector 2', 'worker 1', 'worker 2'])('%s: the others go on, and it comes back', async (name) => {
    const member = cluster.members.find((m) => m.name === name)!;
    await member.kill();
    const before = gateway.calls.length;
    await load.goesOn(40);
    await until('sending goes on', () => Promise.resolve(gateway.calls.length > before + 20), { boundMs: 60_000 });
    await member.start();
    await cluster.allReady();
  }, 180_000);

  it.each(['eventstoredb', 'mongodb', 'kafka'] as const)('%s: /ready and /metrics say so, and once it is back everything goes on', async (name) => {
    const server = cluster.server(name);
    await server.kill();
    let said: Awaited<ReturnType<typeof told>> = null;
    await until('somebody says so', async () => (said = await told(server)) !== null, { boundMs: 30_000 });
    expect(said!.metrics).toBe(true);
    await server.start();
    await load.goesOn(40, 90_000);
    const before = gateway.calls.length;
    await until('sending goes on', () => Promise.resolve(gateway.calls.length > before + 20), { boundMs: 90_000 });
    await cluster.allReady(90_000);
  }, 240_000);

  it('afterwards nothing acknowledged is lost, nothing was sent twice unmarked, and the views are the fold of the log', async () => {
    await load.end();
    const having = async (status: string): Promise<number> => ((await admin.ask('GET', `/api/v1/messages?status=${status}&limit=1`)).body['messages'] as unknown[] | undefined)?.length ?? 1;
    await until('all is sent', async () => (await having('queued')) + (await having('sending')) + (await having('retrying')) === 0, { boundMs: 120_000, pauseMs: 500 });
    let found = await cluster.audit();
    await until('the views have caught up', async () => (found = await cluster.audit()).wrongRows.length === 0, { boundMs: 30_000, pauseMs: 1_000 }).catch(() => undefined);
    const by = counts(found);
    console.log(`cluster kills: ${load.wishes.length} acknowledged, ${gateway.calls.length} calls, ${by['AttemptUnknown'] ?? 0} unknown, ${by['AttemptSent']} sent, ${by['AttemptNotMade'] ?? 0} not made; refused meanwhile ${JSON.stringify([...load.refused])}`);
    expect(lost(found, load.wishes)).toEqual([]);
    expect(found.messages.size).toBe(load.wishes.length);
    expect(unlawfulCalls(found, gateway.calls)).toEqual([]);
    expect(found.wrongRows).toEqual([]);
    expect(by['AttemptSent']).toBe(load.wishes.length);
  }, 240_000);
});
