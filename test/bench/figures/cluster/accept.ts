import { allAnswered, CONNECTIONS, DUE_LATER } from '../../ceiling/ceilings.js';
import { bare } from '../../cluster/bare.js';
import { withCluster } from '../../cluster/cluster.js';
import type { Figure } from '../../ground.js';
import { load, type LoadReport } from '../../load/tools.js';
import { cpuEach, withServer, type Server } from '../../server.js';
import { median, type Reading } from '../../statistics.js';

const AIMS = [{ of: 'ratio', atLeast: 0.6 }];
/** A gateway there must be, or nothing is accepted for it; all is due in 2099. */
const NEVER_CALLED = { GATEWAY_SMS_URL: 'http://127.0.0.1:9/gateway/gateway.jsp', EGRESS_ALLOW: '127.0.0.1:9' };
interface Run { report: LoadReport; ceiling: number; main: number; all: number }

export const clusterAccept: Figure = {
  name: 'accept',
  about: 'durable single accepts over HTTP by one api process, alone and with projector and worker beside it; embedded, and bare appends, in turn',
  async measure(ground) {
    const seconds = ground.quick ? 1.5 : 4;
    return withCluster(ground, { called: 'accept', env: NEVER_CALLED }, (cluster) => withServer(ground, { called: 'accept-embedded', env: NEVER_CALLED }, async (embedded) => {
      const api = await cluster.start('api');
      const headers = new Map<Server, string[]>();
      for (const server of [api, embedded]) headers.set(server, [`Authorization: Bearer ${await server.token('bench')}`]);
      const once = async (server: Server, warmUp: number): Promise<Run> => {
        const ceiling = server === api ? await bare(cluster.servers, 'append', ground.quick ? 1 : 3) : NaN;
        const before = server.cpu();
        const report = allAnswered(await load({ port: server.port, body: DUE_LATER, headers: headers.get(server)!, connections: CONNECTIONS, seconds, warmUp, ...ground.fresh() }).report, 202);
        return { report, ceiling, ...cpuEach(before, server.cpu(), report.requests + warmUp) };
      };
      const runs: Record<'alone' | 'whole' | 'embedded', Run[]> = { alone: [], whole: [], embedded: [] };
      for (const server of [api, embedded]) await once(server, 1_000);
      for (let i = 0; i < ground.repeats; i++) {
        ground.say(`accept ${i + 1}/${ground.repeats}: one api process alone, and embedded`);
        runs.alone.push(await once(api, 200));
        runs.embedded.push(await once(embedded, 200));
      }
      for (const part of ['projector', 'worker'] as const) await cluster.start(part);
      for (let i = 0; i < ground.repeats; i++) {
        ground.say(`accept ${i + 1}/${ground.repeats}: with projector and worker`);
        runs.whole.push(await once(api, 200));
      }
      const ofEmbedded = (of: readonly Run[]): number => median(of.map((r) => r.report.rate)) / median(runs.embedded.map((r) => r.report.rate));
      const reading = (what: string, of: readonly Run[], more: Partial<Reading>): Reading => ({
        figure: 'accept', what, unit: '/s', samples: of.map((r) => r.report.rate),
        beside: {
          ...Object.fromEntries((['p50', 'p95', 'p99'] as const).map((p) => [`${p} ms`, median(of.map((r) => r.report[p]))])),
          'CPU µs': median(of.map((r) => r.all)), 'main thread µs': median(of.map((r) => r.main)), ...more.beside,
        }, ...(more.ceilings ? { ceilings: more.ceilings, aims: AIMS } : {}),
      });
      return [
        reading('cluster: one api process, the others not running; of the bare append rate', runs.alone, { ceilings: runs.alone.map((r) => r.ceiling), beside: { 'of embedded': ofEmbedded(runs.alone) } }),
        reading('cluster: one api process, projector and worker beside it; of the bare append rate', runs.whole, { ceilings: runs.whole.map((r) => r.ceiling), beside: { 'of embedded': ofEmbedded(runs.whole) } }),
        reading('embedded, in the same run', runs.embedded, {}),
      ];
    }));
  },
};
