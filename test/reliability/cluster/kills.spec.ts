/** kill -9 of every process and of every server, under load: what was acknowledged is there, what was sent is told. */
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { UnderLoad } from './under-load.js';

let ground: UnderLoad;
beforeAll(async () => { ground = await UnderLoad.open('killed', { api: 2, projector: 2, worker: 2 }); }, 240_000);
afterAll(() => ground?.close(), 60_000);

describe('kill -9 under load', () => {
  it.each(['api 1', 'api 2', 'projector 1', 'projector 2', 'worker 1', 'worker 2'])('%s: the others go on without it, and it comes back', async (name) => {
    const member = ground.cluster.members.find((m) => m.name === name)!;
    await member.kill();
    await ground.timed(`without ${name}`, () => ground.goesOn());
    await ground.timed('back', async () => { await member.start(); await ground.cluster.allReady(); });
  }, 180_000);

  it.each(['eventstoredb', 'mongodb', 'kafka'] as const)('%s: /ready and /metrics say so, and once it is back everything goes on', async (name) => {
    const server = ground.cluster.server(name);
    await server.kill();
    await ground.timed(`${name} is gone`, () => ground.says(name));
    await ground.timed('started', () => server.start());
    await ground.timed('goes on', () => ground.goesOn());
    await ground.timed('all ready', () => ground.cluster.allReady());
  }, 240_000);

  it('afterwards nothing acknowledged is lost, nothing was sent twice unmarked, and the views are the fold of the log', () => ground.holds(), 240_000);
});
