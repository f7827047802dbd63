/** The views' database is wiped while accepting goes on: nothing acknowledged needs it, and all of it comes back from the log. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../bench/ground.js';
import { UnderLoad } from './under-load.js';

/** so slow that computing the views again takes long enough to be told */
const SLOW_MS = 300;
let ground: UnderLoad;
beforeAll(async () => { ground = await UnderLoad.open('wiped', { api: 1, projector: 2, worker: 1 }); }, 240_000);
afterAll(() => ground?.close(), 60_000);

describe('the views wiped', () => {
  it('while all run: accepting goes on, a projector says so, and the views and the sending come back', async () => {
    const { cluster, load } = ground;
    const refused = load.refused.size;
    cluster.server('mongodb').line.slow(SLOW_MS);
    await cluster.wipeViews();
    await ground.timed('accepting', () => load.goesOn(10));
    await ground.timed('told', () => ground.saysOf(/^(message-log|due-work)$/, 'that a view is computed again'));
    cluster.server('mongodb').line.mend();
    expect(load.refused.size).toBe(refused);
    await ground.timed('sending', () => ground.goesOn());
    await ground.timed('ready', () => cluster.allReady());
    const by = Math.min(100, load.acknowledged.length);
    await until('the list shows them again', async () => ((await ground.admin.ask('GET', '/api/v1/messages?limit=100')).body['messages'] as unknown[] | undefined ?? []).length >= by, { boundMs: 30_000 });
  }, 180_000);

  it('while nobody folds: what is due is found in the log by the next projector', async () => {
    const { cluster, load } = ground;
    for (const projector of cluster.of('projector')) await projector.kill();
    const unsent = await load.goesOn(20);
    await cluster.wipeViews();
    unsent.push(...await load.goesOn(20));
    await Promise.all(cluster.of('projector').map((projector) => projector.start()));
    await ground.timed('what nobody handed over is sent', () => ground.reach(unsent));
    await ground.timed('sending', () => ground.goesOn());
    await cluster.allReady();
  }, 180_000);

  it('afterwards nothing acknowledged is lost, nothing was sent twice unmarked, and the views are the fold of the log', async () => { await ground.holds(); }, 180_000);
});
