import { allAnswered, CONNECTIONS, DUE_NOW, httpCeiling } from '../ceiling/ceilings.js';
import type { Figure } from '../ground.js';
import { load, sink } from '../load/tools.js';
import { exactly, shownAsSent } from '../sent.js';
import { cpuEach, followed, followedTo, newPlace, withServer } from '../server.js';
import { median, type Reading } from '../statistics.js';

/** Accepted, attempt started, attempt sent. */
const EVENTS_EACH = 3;
const WARM_UP = 2_000;

export const endToEnd: Figure = {
  name: 'end-to-end',
  about: 'accept → claim → HTTP gateway call → outcome → view, from the first request until the view shows all as sent and the gateway has counted all',
  async measure(ground) {
    const messages = ground.quick ? 8_000 : 50_000;
    const upstream = await sink(), ceiling = await httpCeiling(ground), place = newPlace(ground);
    const at = `127.0.0.1:${upstream.port}`;
    const rates: number[] = [], ceilings: number[] = [], p99: number[] = [], accepted: number[] = [], main: number[] = [], cpu: number[] = [];
    let total = 0;
    try {
      await withServer(ground, { called: 'end-to-end', place, env: { GATEWAY_SMS_URL: `http://${at}/gateway/gateway.jsp`, EGRESS_ALLOW: at } }, async (server) => {
        const headers = [`Authorization: Bearer ${await server.token('bench')}`];
        const all = async (requests: number): Promise<{ seconds: number; p99: number; rate: number }> => {
          const before = await followed(server, 'message-log');
          const began = performance.now();
          const report = allAnswered(await load({ port: server.port, body: DUE_NOW, headers, requests, connections: CONNECTIONS, ...ground.fresh() }).report, 202);
          await followedTo(ground, server, 'message-log', before + EVENTS_EACH * requests);
          const seconds = (performance.now() - began) / 1000;
          total += requests;
          await exactly(total, upstream);
          return { seconds, p99: report.p99, rate: report.rate };
        };
        await all(WARM_UP);
        for (let i = 0; i < ground.repeats; i++) {
          ground.say(`end to end ${i + 1}/${ground.repeats}: ${messages.toLocaleString('en')} messages`);
          ceilings.push(await ceiling.measure(DUE_NOW, ground.quick ? 0.4 : 1));
          const before = server.cpu();
          const run = await all(messages);
          const each = cpuEach(before, server.cpu(), messages);
          main.push(each.main);
          cpu.push(each.all);
          rates.push(messages / run.seconds);
          p99.push(run.p99);
          accepted.push(run.rate);
        }
      });
      await shownAsSent(place.dataDir, total);
    } finally {
      await upstream.close();
      await ceiling.close();
    }
    return [{
      figure: 'end-to-end', what: `${messages.toLocaleString('en')} messages to different numbers; all sent once, none lost`, unit: 'messages/s', samples: rates, ceilings,
      beside: { 'accepted/s meanwhile': median(accepted), 'p99 ms of the accept': median(p99), 'CPU µs': median(cpu), 'main thread µs': median(main) }, aims: [{ of: 'ratio', atLeast: 0.08 }, { of: 'ratio', atLeast: 0.12 }],
    } satisfies Reading];
  },
};
