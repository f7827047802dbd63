import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { settle, TestClock, until } from '#libs/event-sourcing/testing/test-clock';
import { offerHandshake } from '../http/handshakes.js';
import type { Closing } from './close-codes.js';
import type { OpenSocket } from './open-socket.js';
import { Sockets, SWEEP_MS } from './sockets.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let server: Server, sockets: Sockets<string>, clock: TestClock, clients: WebSocket[], fresh: boolean, recheck: (who: string) => Promise<Closing | null>, closed: number[], asked: string[], logged: unknown[];
beforeEach(async () => {
  [clock, clients, fresh, closed, asked, logged, recheck] = [new TestClock(), [], true, [], [], [], () => Promise.resolve(null)];
  sockets = new Sockets<string>({
    clock, cheap: new Set(), count: () => Promise.resolve(0), framed: () => undefined, log: { error: ({ err }) => logged.push(err) }, ownerOf: (who) => who,
    recheck: (who) => { asked.push(who); return recheck(who); }, fresh: () => fresh, opened: () => undefined, closed: (code) => closed.push(code), swept: () => undefined,
  });
  server = createServer().on('upgrade', (request, socket, head) => {
    offerHandshake(request, socket as never, head, () => undefined);
    sockets.accept(request, request.url!.slice(1), { 'x-request-id': 'req_1' });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
});
afterEach(async () => {
  for (const client of clients) client.terminate();
  await until('all are gone', () => sockets.size === 0);
  await new Promise((resolve) => { server.close(resolve); });
});
const open = async (who: string): Promise<{ code: () => number | null }> => {
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/${who}`);
  let code: number | null = null;
  clients.push(client);
  client.on('close', (c) => { code = c; });
  await new Promise((resolve, reject) => { client.once('open', resolve).once('error', reject); });
  return { code: () => code };
};

describe('T38 who does not read', () => {
  it('T38 while 100,000 frames are sent to each: closed with 1013, cut, and their memory is back', async () => {
    const held = (): number => { collect(); const { heapUsed, external } = process.memoryUsage(); return heapUsed + external; };
    const opened: OpenSocket<string>[] = [];
    sockets.onOpen((socket) => { opened.push(socket); });
    for (let i = 0; i < 10; i++) await open(`slow${i}`);
    for (const client of clients) client.pause();
    const before = held(), frame = JSON.stringify({ type: 'message.sent', more: 'x'.repeat(250) });
    let most = 0;
    for (let sent = 0; sent < 100_000; sent += 500) {
      for (const socket of opened) for (let i = 0; i < 500; i++) socket.send(frame);
      await new Promise((resolve) => { setImmediate(resolve); });
      if (sent % 10_000 === 0) most = Math.max(most, held() - before);
    }
    expect(opened.map(({ closedWith }) => closedWith)).toEqual(opened.map(() => 1013));
    // a mebibyte each, and what a frame of it costs beside its bytes; 100,000 frames each would be 280 MB
    expect(most).toBeLessThan(60_000_000);
    for (let s = 0; s < 6; s++) await clock.advance(SWEEP_MS);
    await until('they are cut', () => sockets.size === 0);
    opened.length = 0;
    for (const client of clients) client.terminate();
    await until('the memory is back', () => held() - before < 5_000_000);
    expect(closed).toEqual(Array.from({ length: 10 }, () => 1013));
  });
});

describe('the sweep', () => {
  it('asks once a second whether each still counts, and closes who does not', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await clock.advance(SWEEP_MS);
    expect(asked).toEqual(['a', 'b']);
    recheck = (who) => Promise.resolve(who === 'a' ? 'revoked' : null);
    await clock.advance(SWEEP_MS);
    await until('a is told', () => a.code() === 4401);
    expect([b.code(), sockets.size]).toEqual([null, 1]);
    expect(closed).toEqual([4401]);
  });
  it('asks everybody else while one answer takes its time, and does not ask for that one twice', async () => {
    const slow = await open('slow'), quick = await open('quick');
    recheck = (who) => (who === 'slow' ? new Promise(() => undefined) : Promise.resolve(null));
    await clock.advance(3 * SWEEP_MS);
    expect(asked.filter((who) => who === 'slow')).toHaveLength(1);
    expect(asked.filter((who) => who === 'quick')).toHaveLength(3);
    expect(slow.code()).toBeNull();
    recheck = () => Promise.resolve('revoked');
    await clock.advance(SWEEP_MS);
    await until('quick is told', () => quick.code() === 4401);
    await until('nobody waits for ever', () => slow.code() === 1013);
  });
  it('closes everybody when nobody can be asked, and whoever cannot be looked at', async () => {
    const [a, b] = [await open('a'), await open('b')];
    recheck = (who) => (who === 'a' ? Promise.reject(new Error('broken')) : Promise.resolve(null));
    await clock.advance(SWEEP_MS);
    await until('a is told', () => a.code() === 1013);
    expect(logged).toEqual([new Error('broken')]);
    fresh = false;
    await clock.advance(SWEEP_MS);
    await until('b is told', () => b.code() === 1013);
  });
  it('rests while no socket is open', async () => {
    await open('a');
    await clock.advance(SWEEP_MS);
    clients[0]!.terminate();
    await until('it is gone', () => sockets.size === 0);
    await clock.advance(5 * SWEEP_MS);
    expect(asked).toEqual(['a']);
    await open('b');
    await clock.advance(SWEEP_MS);
    expect(asked).toEqual(['a', 'b']);
  });
});

describe('T87 the end', () => {
  it('closes all with 1001, cuts who says no goodbye, and opens none any more', async () => {
    const a = await open('a');
    await open('deaf');
    clients[1]!.pause();
    let ended = false;
    const closing = sockets.close().then(() => { ended = true; });
    await until('a is told', () => a.code() === 1001);
    await settle();
    expect(ended).toBe(false);
    await clock.advance(6_000);
    await closing;
    expect([ended, closed, sockets.size]).toEqual([true, [1001, 1001], 0]);
  });
});
