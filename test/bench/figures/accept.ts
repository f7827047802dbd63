import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allAnswered, CONNECTIONS, DUE_LATER, DUE_NOW, httpCeiling, S1_BODY } from '../ceiling/ceilings.js';
import { until, type Figure } from '../ground.js';
import { load, sink, type LoadOptions, type LoadReport } from '../load/tools.js';
import { exactly } from '../sent.js';
import { cpuEach, withServer } from '../server.js';
import { median, type Reading } from '../statistics.js';

interface Variant { what: string; status: number; aims: Reading['aims']; load: Pick<LoadOptions, 'port' | 'body' | 'headers' | 'tls'>; after?(): Promise<void> }

export const accept: Figure = {
  name: 'accept',
  about: 'durable single accepts over HTTP, each with a fresh key and number; with sending apart, over mutual TLS, and with sending under way',
  async measure(ground) {
    const upstream = await sink(), ceiling = await httpCeiling(ground);
    // the lane of the channel http is all but closed, so that what comes over mutual TLS (S1's body cannot say when) is accepted and not sent
    const gatewaysFile = join(ground.folder(), 'gateways.json');
    writeFileSync(gatewaysFile, JSON.stringify([{ name: 'http', rate: 0.001 }]));
    const at = `127.0.0.1:${upstream.port}`;
    try {
      return await withServer(ground, {
        called: 'accept', env: { GATEWAY_HTTP_URL: `http://${at}/sink`, GATEWAY_SMS_URL: `http://${at}/gateway/gateway.jsp`, EGRESS_ALLOW: at, GATEWAYS_FILE: gatewaysFile },
      }, async (server) => {
        const headers = [`Authorization: Bearer ${await server.token('bench')}`];
        let toSend = 0;
        const variants: Variant[] = [
          { what: 'native body, plain listener, API token; sending apart (send_at in 2099)', status: 202, aims: [{ of: 'ratio', atLeast: 0.2 }, { of: 'p99 ms', atMost: 40 }], load: { port: server.port, body: DUE_LATER, headers } },
          { what: 'S1 body, mutual TLS, client certificate; sending apart (lane held)', status: 200, aims: [], load: { port: server.mtlsPort, body: S1_BODY, tls: server.demo } },
          {
            what: 'native body, plain listener, API token; sending under way', status: 202, aims: [], load: { port: server.port, body: DUE_NOW, headers },
            after: () => until('all are sent', async () => (await upstream.stats()).calls >= toSend),
          },
        ];
        const runs: { report: LoadReport; ceiling: number; cpu: { main: number; all: number } }[][] = variants.map(() => []);
        for (let i = 0; i < ground.repeats; i++) {
          for (const [v, variant] of variants.entries()) {
            ground.say(`accept ${i + 1}/${ground.repeats}: ${variant.what}`);
            const ceilingRate = await ceiling.measure(variant.load.body!, ground.quick ? 0.3 : 1);
            const warmUp = i > 0 ? 200 : v > 0 ? 500 : 2_000;
            const before = server.cpu();
            const report = allAnswered(await load({ ...variant.load, connections: CONNECTIONS, seconds: ground.quick ? 0.6 : 2.5, warmUp, ...ground.fresh() }).report, variant.status);
            if (variant.after) { toSend += report.requests + warmUp; await variant.after(); }
            runs[v]!.push({ report, ceiling: ceilingRate, cpu: cpuEach(before, server.cpu(), report.requests + warmUp) });
          }
        }
        await exactly(toSend, upstream);
        return variants.map((variant, v): Reading => ({
          figure: 'accept', what: variant.what, unit: '/s', samples: runs[v]!.map((r) => r.report.rate), ceilings: runs[v]!.map((r) => r.ceiling),
          beside: {
            ...Object.fromEntries((['p50', 'p95', 'p99'] as const).map((p) => [`${p} ms`, median(runs[v]!.map((r) => r.report[p]))])),
            'CPU µs': median(runs[v]!.map((r) => r.cpu.all)), 'main thread µs': median(runs[v]!.map((r) => r.cpu.main)),
          },
          aims: variant.aims ?? [],
        }));
      });
    } finally {
      await upstream.close();
      await ceiling.close();
    }
  },
};
