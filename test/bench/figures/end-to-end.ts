import { allAnswered, CONNECTIONS, DUE_NOW, httpCeiling } from '../ceiling/ceilings.js';
import { grouped, telling, type Figure } from '../ground.js';
import { load, sink } from '../load/tools.js';
import { EVENTS_EACH } from '../prepared/sent-messages.js';
import { exactly, shownAsSent } from '../sent.js';
import { cpuEach, followed, followedTo, newPlace, withServer } from '../server.js';
import { median, type Reading } from '../statistics.js';


export const endToEnd: Figure = {
  name: 'end-to-end',
  about: 'accept → claim → HTTP gateway call → outcome → view, from the first request until the view shows all as sent and the gateway has counted all',
  async measure(ground) {
    const messages = ground.quick ? 3_000 : 50_000;
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
          await followedTo(server, 'message-log', before + EVENTS_EACH * requests);
          const seconds = (performance.now() - began) / 1000;
          total += requests;
          await exactly(total, upstream);
          return { seconds, p99: report.p99, rate: report.rate };
        };
        await all(ground.quick ? 500 : 2_000);
        for (let i = 0; i < ground.repeats; i++) {
          ground.say(`end to end ${i + 1}/${ground.repeats}: ${grouped(messages)} messages`);
          ceilings.push(await ceiling.measure(DUE_NOW, ground.quick ? 0.3 : 1));
          const before = server.cpu();
          const sent = async (): Promise<string> => `${grouped((await upstream.stats()).calls - total)} of ${grouped(messages)} sent`;
          const run = await telling(ground, sent, () => all(messages));
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
      figure: 'end-to-end', what: `${grouped(messages)} messages to different numbers; all sent once, none lost`, unit: 'messages/s', samples: rates, ceilings,
      beside: { 'accepted/s meanwhile': median(accepted), 'p99 ms of the accept': median(p99), 'CPU µs': median(cpu), 'main thread µs': median(main) }, aims: [{ of: 'ratio', atLeast: 0.08 }, { of: 'ratio', atLeast: 0.12 }],
    } satisfies Reading];
  },
};
