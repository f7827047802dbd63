/** What the bare client, @eventstore/db-client 6.2.1, gets wrong when a server restarts or freezes, and what ends a process: points 8 to 10. */
import { START } from '@eventstore/db-client';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { append, clientOf, disposeAll, event, newStream, refusal, runScript, until, within, type Script } from '../eventstoredb-server/bare-client.fixture.js';
import { startServerProcess, type ServerProcess } from '../eventstoredb-server/process.fixture.js';

let server: ServerProcess;
const scripts: Script[] = [];

beforeAll(async () => { server = await startServerProcess(); }, 60_000);
afterEach(async () => {
  for (const script of scripts.splice(0)) script.kill();
  await disposeAll();
});
afterAll(() => server.stop());

function script(source: string, flags: string[] = []): Script {
  const started = runScript(server.url, source, flags);
  scripts.push(started);
  return started;
}

describe('@eventstore/db-client 6.2.1, bare', () => {
  it('8 a checkpoint handler that throws stalls the subscription, without an error of its own', async () => {
    const stalled = script(`
      process.once('unhandledRejection', (error) => say('nobody caught: ' + error.message));
      let seen = 0;
      const filter = streamNameFilter({ prefixes: ['stalled-'], maxSearchWindow: 1, checkpointReached: () => { if (seen === 3) throw new Error('full'); } });
      client.subscribeToAll({ fromPosition: START, filter })
        .on('data', () => say('event ' + ++seen)).on('error', () => say('error')).on('end', () => say('end')).on('close', () => say('close'));
      await client.appendToStream('stalled-1', [1, 2, 3].map((i) => jsonEvent({ type: 'T', data: { i } })));
`);
    await stalled.line('nobody caught: full');
    const writer = clientOf(server);
    for (let i = 0; i < 5; i++) await append(writer, `stalled-${newStream()}`, event());
    expect(await within(500, stalled.line('event 4'))).toBe('pending');
    expect(stalled.lines).toEqual(['event 1', 'event 2', 'event 3', 'nobody caught: full']);
    expect((await server.state()).subscriptions).toBe(1);
    stalled.kill();
    await until(async () => (await server.state()).subscriptions === 0);
  });

  it('9 a subscription ends with a restart of the server and is not resumed', async () => {
    const seen: string[] = [];
    const subscription = clientOf(server).subscribeToAll({ fromPosition: START });
    subscription.on('data', ({ event: e }) => seen.push(e!.streamId));
    await once(subscription, 'caughtUp');
    const failed = new Promise<Error & { type?: string }>((resolve) => { subscription.once('error', resolve); });
    await server.restart();
    expect((await failed).type).toBe('unavailable');
    const stream = newStream();
    await append(clientOf(server), stream, event());
    await expect(until(() => seen.includes(stream), 500)).rejects.toThrow('it does not hold');
    expect((await server.state()).subscriptions).toBe(0);
  });

  it('9 without a listener for errors that ends the process', async () => {
    const deaf = script(`client.subscribeToAll({ fromPosition: START }).on('caughtUp', () => say('caught up')).resume();`);
    await deaf.line('caught up');
    await server.restart();
    const { code, err } = await deaf.ended;
    expect(code).toBe(1);
    expect(err).toContain("Emitted 'error' event on Subscription instance");
  });

  it('9 a subscription that the server ends cleanly ends without any error', async () => {
    const subscription = clientOf(server).subscribeToAll({ fromPosition: START });
    const errors: unknown[] = [];
    subscription.on('error', (error) => errors.push(error)).resume();
    await once(subscription, 'caughtUp');
    const ended = once(subscription, 'end');
    expect(await server.dropSubscriptions()).toBe(1);
    await ended;
    expect(errors).toEqual([]);
  });

  it('10 a frozen server is noticed by the keep-alive alone: after its interval and its timeout, together 20 s unless told otherwise', async () => {
    const warned = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const client = clientOf(server, '&keepAliveInterval=1500&keepAliveTimeout=1500');
    expect(warned.mock.calls).toEqual([['Specified KeepAliveInterval of 1500 is less than recommended 10_000 ms.']]);
    warned.mockRestore();
    await append(client, newStream(), event());
    const began = performance.now();
    server.freeze();
    try {
      const error = await refusal(client.appendToStream(newStream(), [event()], { deadline: 100 }));
      expect(error.type).toBe('unavailable');
      // no sooner than a whole timeout, however short the append's own deadline
      expect(performance.now() - began).toBeGreaterThan(1500);
    } finally { server.thaw(); }
  });
});
