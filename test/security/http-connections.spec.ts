import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { listen } from '#libs/platform/http/listeners';
import { exchange, request } from '#libs/platform/http/testing/raw-http';
import { calls, type Running, start } from './http-app.js';

const QUICK = { headersMs: 150, requestMs: 200, checkMs: 20, keepAliveMs: 150, slowReaderMs: 100, sweepMs: 20, lingerMs: 50 };

let running: Running | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
  calls.length = 0;
});

/** Writes one byte at a time for as long as it is let. */
async function drip(socket: Socket, bytes: string): Promise<void> {
  for (const byte of bytes) {
    if (socket.destroyed || !socket.writable) return;
    socket.write(byte);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function dripped(port: number, first: string, slowly: string): Promise<{ text: string; ms: number }> {
  const began = performance.now();
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.on('error', () => {});
  socket.write(first);
  await Promise.all([once(socket, 'close'), drip(socket, slowly)]);
  return { text, ms: performance.now() - began };
}

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))));

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

describe('T27 slow and greedy clients', () => {
  it('T27 one header byte at a time: 408, closed, no handler', async () => {
    running = await start({ timeouts: QUICK });
    const { text, ms } = await dripped(running.port, 'GET /open/echo HTTP/1.1\r\nHost: a\r\nX-A: ', 'x'.repeat(500));
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toContain('"code":"request_timeout"');
    expect(ms).toBeLessThan(2_000);
    expect(calls).toEqual([]);
  });

  it('T27 one body byte at a time: 408, closed, no handler', async () => {
    running = await start({ timeouts: QUICK });
    const { text } = await dripped(running.port, 'POST /open/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"a":"', 'x'.repeat(500));
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(calls).toEqual([]);
  });

  it('T27 17 kB of headers: 431; 15 kB are taken', async () => {
    running = await start();
    const answer = await exchange(running.port, request('GET /open/echo', [`X-A: ${'x'.repeat(17 * 1024)}`]));
    expect(answer.statuses).toEqual([431]);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'header_too_large' });
    expect(calls).toEqual([]);
    expect((await exchange(running.port, request('GET /open/echo', [`X-A: ${'x'.repeat(15 * 1024)}`]))).status).toBe(200);
  });

  it('T27 an idle connection is closed after the keep-alive time', async () => {
    running = await start({ timeouts: QUICK });
    const answer = await exchange(running.port, 'GET /open/echo HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer.statuses).toEqual([200]);
  });

  it('T27 a connection that never says anything is closed', async () => {
    running = await start({ timeouts: QUICK });
    const answer = await exchange(running.port, '');
    expect(answer.status === 408 || answer.text === '').toBe(true);
  });

  it('T27 a reader that takes nothing is cut, and others are served meanwhile', async () => {
    running = await start({ timeouts: QUICK });
    const socket = connect({ host: '127.0.0.1', port: running.port });
    socket.on('error', () => {});
    let taken = 0;
    socket.write('GET /open/big HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'readable');
    expect((await exchange(running.port, request('GET /open/echo'))).status).toBe(200);
    await until(async () => (await connectionsOf(running!.listening.ports[0]!.server)) === 0);
    socket.on('data', (chunk: Buffer) => (taken += chunk.length));
    if (!socket.closed) await once(socket, 'close');
    expect(taken).toBeLessThan(32 * 1024 * 1024);
  });
});

describe('closing', () => {
  it('lets a running request end with Connection: close, closes idle and silent connections at once, takes no new one', async () => {
    running = await start();
    const { port, listening } = running;
    const idle = connect({ host: '127.0.0.1', port });
    idle.write('GET /open/echo HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    const silent = connect({ host: '127.0.0.1', port });
    await once(silent, 'connect');
    const busy = connect({ host: '127.0.0.1', port });
    let answer = '';
    busy.on('data', (chunk) => (answer += String(chunk)));
    busy.write('POST /open/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a"');
    await until(async () => (await connectionsOf(listening.ports[0]!.server)) === 3);
    await exchange(port, request('GET /open/echo'));
    const ends = Promise.all([idle, silent].map((socket) => once(socket.resume(), 'close')));
    const closed = listening.close(5_000);
    await ends;
    await expect(exchange(port, request('GET /open/echo'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    busy.write(':1}');
    await once(busy, 'close');
    expect(await closed).toEqual({ cut: 0 });
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n');
  });

  it('cuts what is still open at the deadline, and says how many', async () => {
    running = await start();
    const socket = connect({ host: '127.0.0.1', port: running.port });
    socket.on('error', () => {});
    socket.write('POST /open/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a"');
    await exchange(running.port, request('GET /open/echo'));
    expect(await running.listening.close(50)).toEqual({ cut: 1 });
  });

  it('closes every port again when one of them is taken', async () => {
    running = await start();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = (taken.address() as { port: number }).port;
    const fastify = running.adapter.getInstance();
    await expect(listen(fastify, { ports: [{ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port }], requestIdPrefix: 'x' })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    taken.close();
    await once(taken, 'close');
  });
});

describe('upgraded connections', () => {
  const asking = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n${more}\r\n`;
  it('belong to whoever speaks on them, and are cut only at the deadline', async () => {
    running = await start({ upgrade: ({ url }) => url === '/line' });
    const socket = connect({ host: '127.0.0.1', port: running.port });
    let heard = '';
    socket.on('data', (chunk) => (heard += String(chunk)));
    socket.write(asking('/line'));
    await until(async () => heard.startsWith('HTTP/1.1 101 '));
    const closed = running.listening.close(100);
    socket.write('still here');
    await until(async () => heard.includes('echo still here'));
    expect(await closed).toEqual({ cut: 1 });
  });
  it('a handshake that a route refuses is answered as any request, and the connection ends with the answer', async () => {
    running = await start({ upgrade: ({ url }) => url === '/line' });
    const { statuses, text } = await exchange(running.port, asking('/line', 'X-Refuse: 1\r\n') + asking('/open/echo'));
    expect(statuses).toEqual([403]);
    expect(text).toMatch(/connection: close/i);
    expect(text).toContain('"code":"forbidden"');
    expect(calls).toEqual([]);
  });
  it('T23 a handshake with two meanings is not one', async () => {
    running = await start({ upgrade: ({ url }) => url === '/line' });
    expect((await exchange(running.port, asking('/line', 'Host: b\r\n'))).statuses).toEqual([400]);
  });
  it('T27 a handshake that never ends is answered 408 in its time, like any request, also behind one that was answered', async () => {
    running = await start({ upgrade: ({ url }) => url === '/line', timeouts: { headersMs: 200, requestMs: 400, checkMs: 20 } });
    const half = asking('/line').slice(0, -2);
    expect((await exchange(running.port, half)).statuses).toEqual([408]);
    expect((await exchange(running.port, ['GET /open/echo HTTP/1.1\r\nHost: a\r\n\r\n', half])).statuses).toEqual([200, 408]);
  });
  it('where no handshake is meant, an Upgrade header is passed over', async () => {
    running = await start({ upgrade: ({ url }) => url === '/line' });
    expect((await exchange(running.port, asking('/open/echo').replace('Connection: Upgrade', 'Connection: Upgrade, close'))).statuses).toEqual([200]);
    expect((await exchange(running.port, asking('/nothing').replace('Connection: Upgrade', 'Connection: Upgrade, close'))).statuses).toEqual([404]);
  });
});

describe('several ports, one application', () => {
  it('answers on each, and TLS adds HSTS; plain bytes on a TLS port are only closed', async () => {
    const { cert, key } = await selfSigned();
    running = await start({ ports: [{ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port: 0, tls: { cert, key } }] });
    const [one, two, tls] = running.listening.ports;
    expect((await exchange(one!.port, request('GET /open/echo'))).status).toBe(200);
    expect((await exchange(two!.port, request('GET /open/echo'))).status).toBe(200);
    expect(calls).toEqual(['echo', 'echo']);
    const socket = connectTls({ host: '127.0.0.1', port: tls!.port, ca: cert, servername: 'localhost' });
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.write(request('GET /open/echo'));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.toLowerCase()).toContain('strict-transport-security: max-age=31536000');
    expect((await exchange(tls!.port, request('GET /open/echo'))).statuses).toEqual([]);
    expect(calls).toHaveLength(3);
  });
});

/** A certificate for localhost that only this test trusts. */
async function selfSigned(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost', keys, signingAlgorithm: algorithm, notBefore: new Date(now - 60_000), notAfter: new Date(now + 3_600_000),
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  }, webcrypto);
  return { cert: certificate.toString('pem'), key: PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY') };
}
