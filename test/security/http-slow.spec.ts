/** Row T27 by numbers: many slow or silent connections at once, and somebody else who is served meanwhile. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { exchange, request } from '#libs/platform/http/testing/raw-http';
import { calls, start, type Running } from './http-app.js';

const SLOW_SOCKETS = 200;
const IDLE_SOCKETS = 2_000;

let running: Running | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await running?.close();
  running = undefined;
  calls.length = 0;
});

async function opened(count: number): Promise<Socket[]> {
  const port = running!.port;
  const all = Array.from({ length: count }, () => connect({ host: '127.0.0.1', port }).on('error', () => {}));
  sockets.push(...all);
  await Promise.all(all.map((socket) => once(socket, 'connect')));
  return all;
}
const closed = (socket: Socket): Promise<string> => {
  let text = '';
  socket.on('data', (bytes) => { text += String(bytes); });
  return socket.closed ? Promise.resolve(text) : once(socket, 'close').then(() => text);
};

it(`T27 200 sockets that send one header byte at a time: each is told 408 and closed; others are served meanwhile`, async () => {
  running = await start({ timeouts: { headersMs: 1_000, requestMs: 2_000, checkMs: 50, lingerMs: 50 } });
  const slow = await opened(SLOW_SOCKETS);
  const ends = slow.map(closed);
  for (const socket of slow) socket.write('GET /open/echo HTTP/1.1\r\nHost: a\r\nX-A: ');
  const dripping = setInterval(() => { for (const socket of slow) if (socket.writable) socket.write('x'); }, 100);
  try {
    for (let i = 0; i < 20; i++) expect((await exchange(running.port, request('GET /open/echo'))).status).toBe(200);
    expect(calls).toHaveLength(20);
    for (const text of await Promise.all(ends)) expect(text).toMatch(/^HTTP\/1\.1 408 /);
  } finally { clearInterval(dripping); }
  expect(calls).toHaveLength(20);
}, 20_000);

it('T27 2,000 idle keep-alive sockets: others are served, and each is closed after the keep-alive time', async () => {
  // Node adds a second of its own to the keep-alive time
  running = await start({ timeouts: { keepAliveMs: 1_500, checkMs: 100, lingerMs: 50 } });
  const idle = await opened(IDLE_SOCKETS);
  const ends = idle.map(closed);
  for (const socket of idle) socket.write('GET /open/echo HTTP/1.1\r\nHost: a\r\n\r\n');
  const count = (): Promise<number> => new Promise((resolve, reject) => { running!.listening.ports[0]!.server.getConnections((error, n) => (error ? reject(error) : resolve(n))); });
  expect((await exchange(running.port, request('GET /open/echo'))).status).toBe(200);
  for (const text of await Promise.all(ends)) expect(text.match(/HTTP\/1\.1 200 /g)).toHaveLength(1);
  expect(await count()).toBe(0);
  expect(calls).toHaveLength(IDLE_SOCKETS + 1);
}, 30_000);
