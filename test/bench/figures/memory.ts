import { setTimeout } from 'node:timers/promises';
import { allAnswered, CONNECTIONS, DUE_NOW } from '../ceiling/ceilings.js';
import { grouped, telling, type Figure } from '../ground.js';
import { load, sink } from '../load/tools.js';
import { EVENTS_EACH } from '../prepared/sent-messages.js';
import { exactly } from '../sent.js';
import { followedTo, withServer } from '../server.js';

export const memory: Figure = {
  name: 'memory',
  about: 'resident memory of the server process with all its threads: idle after its start, and after messages were sent',
  async measure(ground) {
    const [idleSeconds, messages, restSeconds] = ground.quick ? [2, 1_500, 1] : [10, 50_000, 5];
    const upstream = await sink();
    const at = `127.0.0.1:${upstream.port}`;
    try {
      return await withServer(ground, { called: 'memory', env: { GATEWAY_SMS_URL: `http://${at}/gateway/gateway.jsp`, EGRESS_ALLOW: at } }, async (server) => {
        ground.say(`memory: idle for ${idleSeconds} s`);
        await setTimeout(idleSeconds * 1000);
        const idle = server.memory();
        const headers = [`Authorization: Bearer ${await server.token('bench')}`];
        ground.say(`memory: ${grouped(messages)} messages`);
        await telling(ground, async () => `${grouped((await upstream.stats()).calls)} of ${grouped(messages)} sent`, async () => {
          allAnswered(await load({ port: server.port, body: DUE_NOW, headers, requests: messages, connections: CONNECTIONS, ...ground.fresh() }).report, 202);
          await followedTo(server, 'message-log', EVENTS_EACH * messages);
        });
        await exactly(messages, upstream);
        const busy = server.memory();
        ground.say(`memory: idle for ${restSeconds} s`);
        await setTimeout(restSeconds * 1000);
        return [
          { figure: 'memory', what: `idle, ${idleSeconds} s after its start`, unit: 'MiB', samples: [idle], aims: [{ of: 'value', atMost: 200 }] },
          { figure: 'memory', what: `after ${grouped(messages)} messages`, unit: 'MiB', samples: [busy], beside: { [`MiB ${restSeconds} s later`]: server.memory() } },
        ];
      });
    } finally { await upstream.close(); }
  },
};
