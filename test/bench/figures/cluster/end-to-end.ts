import { bare } from '../../cluster/bare.js';
import { withCluster } from '../../cluster/cluster.js';
import { sending, towards } from '../../cluster/whole.js';
import { grouped, telling, type Figure } from '../../ground.js';
import { sink } from '../../load/tools.js';
import { EVENTS_EACH } from '../../prepared/sent-messages.js';
import { shownAsSentIn } from '../../sent.js';
import { cpuEach, withServer, type Server } from '../../server.js';
import { median } from '../../statistics.js';

export const clusterEndToEnd: Figure = {
  name: 'end-to-end',
  about: 'accept → claim → gateway call → outcome → view, with one process of each part; embedded, bare appends and bare sends, in turn',
  async measure(ground) {
    const messages = ground.quick ? 800 : 5_000, bareSeconds = ground.quick ? 1 : 3;
    const upstreams = { cluster: await sink(), embedded: await sink() };
    try {
      return await withCluster(ground, { called: 'end-to-end', env: towards(upstreams.cluster) }, (cluster) => withServer(ground, { called: 'end-to-end-embedded', env: towards(upstreams.embedded) }, async (standalone) => {
        const api = await cluster.start('api');
        const [projector, worker] = [await cluster.start('projector'), await cluster.start('worker')];
        const ways = {
          cluster: sending(ground, { api, token: await api.token('bench'), followers: [projector], upstream: upstreams.cluster }),
          embedded: sending(ground, { api: standalone, token: await standalone.token('bench'), followers: [standalone], upstream: upstreams.embedded }),
        };
        const rates: Record<keyof typeof ways, number[]> = { cluster: [], embedded: [] }, appends: number[] = [], produced: number[] = [];
        const cpu = new Map([api, projector, worker].map((server) => [server, [] as number[]])), p99: number[] = [];
        for (const way of Object.values(ways)) await way.send(ground.quick ? 100 : 500);
        for (let i = 0; i < ground.repeats; i++) {
          ground.say(`end to end ${i + 1}/${ground.repeats}: ${grouped(messages)} messages`);
          appends.push(await bare(cluster.servers, 'append', bareSeconds));
          produced.push(await bare(cluster.servers, 'produce', bareSeconds));
          const before = new Map([...cpu.keys()].map((server): [Server, ReturnType<Server['cpu']>] => [server, server.cpu()]));
          const sent = async (): Promise<string> => `${grouped((await upstreams.cluster.stats()).calls - ways.cluster.total())} of ${grouped(messages)} sent`;
          const run = await telling(ground, sent, () => ways.cluster.send(messages));
          for (const [server, each] of cpu) each.push(cpuEach(before.get(server)!, server.cpu(), messages).all);
          rates.cluster.push(messages / run.seconds);
          p99.push(run.report.p99);
          rates.embedded.push(messages / (await ways.embedded.send(messages)).seconds);
        }
        const engine = await cluster.engine();
        try { await shownAsSentIn(engine.readModels, ways.cluster.total()); } finally { await engine.close(); }
        const of = (server: Server): number => median(cpu.get(server)!);
        return [
          {
            figure: 'end-to-end', what: `cluster: ${grouped(messages)} messages, all sent once, none lost; ${EVENTS_EACH} appends each, of the bare append rate`, unit: 'messages/s', samples: rates.cluster, ceilings: appends,
            beside: {
              'of bare sends': median(rates.cluster.map((rate, i) => rate / produced[i]!)), 'of embedded': median(rates.cluster) / median(rates.embedded), 'p99 ms of the accept': median(p99),
              'CPU µs api': of(api), 'CPU µs projector': of(projector), 'CPU µs worker': of(worker),
            },
          },
          { figure: 'end-to-end', what: 'embedded, the same, in the same run', unit: 'messages/s', samples: rates.embedded },
        ];
      }));
    } finally { for (const upstream of Object.values(upstreams)) await upstream.close(); }
  },
};
