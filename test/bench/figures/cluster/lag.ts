import { collectionOf } from '#libs/event-sourcing/running/projecting';
import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import { messageLog } from '#projections/message-log/message-log.projection';
import { withCluster } from '../../cluster/cluster.js';
import { towards } from '../../cluster/whole.js';
import { telling, until, type Figure } from '../../ground.js';
import { steady } from '../../load/steady.js';
import { sink } from '../../load/tools.js';
import { median, percentile, type Reading } from '../../statistics.js';

const PER_SECOND = 300;
/** Every tenth message is waited for. */
const SAMPLED = 10;
const LOOKED_MS = 5;

/** Looks for rows by their ids all the time; answers how long after its acknowledgement each was there, in ms. */
function watch(views: ReadModels, collection: string): { add(id: string): void; left(): number; end(): Promise<number[]> } {
  const waiting = new Map<string, number>(), lags: number[] = [];
  let ending = false;
  const running = (async () => {
    while (!ending) {
      const ids = [...waiting.keys()];
      for (const id of ids.length > 0 ? (await views.getMany(collection, ids)).keys() : []) {
        lags.push(performance.now() - waiting.get(id)!);
        waiting.delete(id);
      }
      await new Promise((resolve) => { setTimeout(resolve, LOOKED_MS); });
    }
  })();
  running.catch(() => undefined); // told by `end`
  return { add: (id) => { waiting.set(id, performance.now()); }, left: () => waiting.size, end: async () => { ending = true; await running; return lags; } };
}

export const lag: Figure = {
  name: 'lag',
  about: `from a message's acknowledgement to its row in the list, at a steady ${PER_SECOND} messages/s: sent meanwhile, or due in 2099`,
  async measure(ground) {
    const seconds = ground.quick ? 4 : 15;
    const upstream = await sink();
    try {
      return await withCluster(ground, { called: 'lag', env: towards(upstream) }, async (cluster) => {
        const api = await cluster.start('api');
        await cluster.start('projector');
        await cluster.start('worker');
        const token = await api.token('bench');
        const engine = await cluster.engine();
        const variants = [{ what: 'due in 2099', more: { send_at: '2099-01-01T00:00:00Z' } }, { what: 'sent meanwhile', more: {} }].map((v) => ({ ...v, p50: [] as number[], p95: [] as number[], accepted: [] as number[], pace: [] as number[], late: [] as number[] }));
        try {
          await engine.readModels.define({ name: collectionOf(messageLog), indexes: messageLog.indexes });
          for (const { what, more, p50, p95, accepted, pace, late } of variants) for (let i = -1; i < ground.repeats; i++) {
            ground.say(i < 0 ? `lag, ${what}: warms up` : `lag ${i + 1}/${ground.repeats}, ${what}: ${seconds} s at ${PER_SECOND}/s`);
            const { firstNumber } = ground.fresh();
            const rows = watch(engine.readModels, collectionOf(messageLog));
            const run = await telling(ground, () => `${rows.left()} rows are waited for`, async () => {
              const answered = await steady({
                port: api.port, token, perSecond: i < 0 ? PER_SECOND / 3 : PER_SECOND, seconds: i < 0 ? 3 : seconds,
                body: (n) => JSON.stringify({ to: `+1666${String(firstNumber + n).padStart(9, '0')}`, body: 'Hello, this is a message of an ordinary length, neither short nor long.', ...more }),
                acknowledged: (n, id) => { if (n % SAMPLED === 0) rows.add(id); },
              });
              await until('the last row is there', async () => rows.left() === 0);
              return answered;
            });
            const lags = await rows.end();
            if (i < 0) continue;
            p50.push(percentile(lags, 0.5));
            p95.push(percentile(lags, 0.95));
            accepted.push(percentile(run.took, 0.95));
            pace.push(run.rate);
            late.push(percentile(run.late, 0.95));
          }
        } finally { await engine.close(); }
        return variants.map(({ what, p50, p95, accepted, pace, late }): Reading => ({
          figure: 'lag', what: `cluster: acknowledged → row in the list, p95, at ${PER_SECOND} messages/s, ${what}`, unit: 'ms', samples: p95,
          beside: { 'p50 ms': median(p50), 'p95 ms of the accept': median(accepted), 'p95 ms that requests left late': median(late), 'acknowledged/s': median(pace) },
          // rows that come soon say nothing where acknowledgements do not
          aims: [{ of: 'value', atMost: 1_000 }, { of: 'acknowledged/s', atLeast: 0.9 * PER_SECOND }],
        }));
      });
    } finally { await upstream.close(); }
  },
};
