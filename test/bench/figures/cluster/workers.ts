import { withCluster } from '../../cluster/cluster.js';
import { sending, towards } from '../../cluster/whole.js';
import { grouped, type Figure } from '../../ground.js';
import { sink } from '../../load/tools.js';
import { median } from '../../statistics.js';

/** How long the gateway takes, and how many calls one worker makes at once: so it cannot do more than AT_ONCE / GATEWAY_MS. */
const GATEWAY_MS = 50, AT_ONCE = 4;

export const workers: Figure = {
  name: 'workers',
  about: `two workers against one, where one cannot fill its lane: a gateway that takes ${GATEWAY_MS} ms, a lane of 256, a worker that makes ${AT_ONCE} calls at once`,
  async measure(ground) {
    const messages = ground.quick ? 150 : 600;
    const upstream = await sink({ delayMs: GATEWAY_MS });
    try {
      return await withCluster(ground, { called: 'workers', env: { ...towards(upstream), WORKER_CONCURRENCY: String(AT_ONCE) } }, async (cluster) => {
        const api = await cluster.start('api'), projector = await cluster.start('projector');
        await cluster.start('worker');
        const { send } = sending(ground, { api, token: await api.token('bench'), followers: [projector], upstream });
        const rates: { one: number[]; two: number[] } = { one: [], two: [] };
        await send(50);
        for (let i = 0; i < ground.repeats; i++) {
          ground.say(`workers ${i + 1}/${ground.repeats}: one, then two; ${grouped(messages)} messages each`);
          rates.one.push(messages / (await send(messages)).seconds);
          const second = await cluster.start('worker');
          await send(50); // until both have their partitions
          rates.two.push(messages / (await send(messages)).seconds);
          await cluster.stop(second);
          await send(50);
        }
        return [{ figure: 'workers', what: `two workers, of one: ${AT_ONCE} calls of ${GATEWAY_MS} ms at once each, ${grouped(messages)} messages`, unit: 'messages/s', samples: rates.two, ceilings: rates.one, beside: { 'one worker': median(rates.one), 'one at most': AT_ONCE * 1000 / GATEWAY_MS } }];
      });
    } finally { await upstream.close(); }
  },
};
