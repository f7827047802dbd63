/** Lines between the processes and their servers that are cut, slow, or silent, under load; and workers that come and go while messages are sent. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerName } from './cluster.js';
import { UnderLoad } from './under-load.js';

const SLOW_MS = 200;
let ground: UnderLoad;
beforeAll(async () => { ground = await UnderLoad.open('lines', { api: 1, projector: 1, worker: 2 }, {}, 3); }, 240_000);
afterAll(() => ground?.close(), 60_000);

const SERVERS: readonly ServerName[] = ['eventstoredb', 'mongodb', 'kafka'];

describe('the line', () => {
  it.each(SERVERS)('to %s is cut: told, and once it is mended everything goes on', async (name) => {
    const { line } = ground.cluster.server(name);
    line.cut();
    await ground.timed(`${name} cut, told`, () => ground.says(name));
    line.mend();
    await ground.timed('goes on', () => ground.goesOn());
    await ground.timed('all ready', () => ground.cluster.allReady());
  }, 120_000);

  it.each(SERVERS)('to %s is slow: all goes on meanwhile', async (name) => {
    const { line } = ground.cluster.server(name);
    line.slow(SLOW_MS);
    await ground.timed(`${name} slow, goes on`, () => ground.goesOn());
    line.mend();
    await ground.timed('mended', () => ground.goesOn());
  }, 120_000);

  it.each(SERVERS)('to %s falls silent: told, and once it is mended everything goes on', async (name) => {
    const { line } = ground.cluster.server(name);
    line.silence();
    await ground.timed(`${name} silent, told`, () => ground.says(name));
    line.mend();
    await ground.timed('goes on', () => ground.goesOn());
    await ground.timed('all ready', () => ground.cluster.allReady());
  }, 120_000);
});

describe('Kafka gives out its partitions anew', () => {
  it('when a worker joins and another leaves, in the middle of sending', async () => {
    const { cluster } = ground;
    await ground.timed('a worker joins', async () => { await cluster.joined('worker'); await ground.goesOn(); });
    const [leaving] = cluster.of('worker');
    await ground.timed('a worker leaves', async () => {
      const [, ended] = await Promise.all([ground.goesOn(), leaving!.kill('SIGTERM')]);
      expect(ended).toBe(0);
    });
    cluster.left(leaving!);
    await ground.timed('without it', () => ground.goesOn());
  }, 120_000);

  it('afterwards nothing acknowledged is lost, nothing was sent twice unmarked, and the views are the fold of the log', async () => { await ground.holds(); }, 180_000);
});
