import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { TestClock, until } from '#libs/event-sourcing/testing/test-clock';
import { Calls } from './calls.js';
import type { ClientLine } from './client-line.js';
import { LogFeed } from './log-feed.js';
import { LogReader } from './log-reader.js';
import { LogSubscription } from './log-subscription.js';
import { ORIGIN } from './position.js';
import { StreamNames } from './stream-names.js';

/** A client that answers nothing and keeps what it was asked. */
function asked() {
  const calls: [call: string, options: unknown][] = [];
  const read = (call: string) => (...given: unknown[]): Readable => { calls.push([call, given.at(-1)]); return Object.assign(Readable.from([]), { cancel: () => Promise.resolve() }); };
  const client = {
    readStream: read('readStream'), readAll: read('readAll'),
    subscribeToAll: (options: unknown) => { calls.push(['subscribeToAll', options]); return Object.assign(new EventEmitter(), { unsubscribe: () => Promise.resolve() }); },
  };
  const line = { ready: client, client: () => Promise.resolve(client), epoch: 0, down: false, reached: () => undefined, onEnd: () => () => undefined } as unknown as ClientLine;
  const clock = new TestClock(), closed = new AbortController();
  return { calls, clock, closed, through: new Calls(line, clock, { deadlineMs: 1000, limitMs: 1000 }, closed.signal) };
}
const OF_LEADER = { requiresLeader: true };

describe('where there are several nodes', () => {
  it('every read is the leader\'s: another node may be behind', async () => {
    const { calls, through } = asked();
    const reader = new LogReader(through, new StreamNames(''));
    await reader.read('a-1', 0, 10);
    await reader.last('a-1');
    await reader.window(null, () => true, 10);
    await reader.stretch(ORIGIN);
    await reader.head();
    await reader.endAfter(ORIGIN, () => true, 10);
    expect(calls.map(([call]) => call)).toEqual(['readStream', 'readStream', 'readAll', 'readAll', 'readAll', 'readAll']);
    for (const [, options] of calls) expect(options).toMatchObject(OF_LEADER);
  });

  it('so is the subscription', async () => {
    const { calls, clock, closed, through } = asked();
    const subscription = new LogSubscription(through, new StreamNames(''), new LogFeed(ORIGIN), clock, { heartbeatMs: 1000, stallMs: 1000, aheadMs: 1000 }, closed.signal);
    subscription.start();
    subscription.want(['a-']);
    await until('it is begun', () => calls.length > 0);
    expect(calls[0]).toMatchObject(['subscribeToAll', OF_LEADER]);
    closed.abort();
    await subscription.ended();
  });
});
