import { afterEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { EgressRequest, EgressResult } from '#libs/platform/egress/egress';
import { createEgress, type GuardedEgress } from '#libs/platform/egress/egress.client';
import { ManualClock, until } from '#libs/platform/egress/manual-clock';
import { KeptEgress } from '#libs/platform/egress/recorder';
import { plain, receiver, type Receiver } from './egress-receiver.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

interface Scene {
  server: Receiver;
  egress: GuardedEgress;
  clock: ManualClock;
  recorder: KeptEgress;
  post(over?: Partial<EgressRequest>): Promise<EgressResult>;
}
async function against(answer: (socket: Socket, request: string, n: number) => void): Promise<Scene> {
  const server = await receiver(answer);
  const [clock, recorder] = [new ManualClock(), new KeptEgress()];
  const egress = createEgress({ allow: [{ host: '127.0.0.1', port: server.port }], production: false, clock, recorder });
  open.push(server, egress);
  return {
    server, egress, clock, recorder,
    post: (over) => egress.request({ url: `http://127.0.0.1:${server.port}/in?x=1`, method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hello', deadlineMs: 30_000, ...over }),
  };
}
const text = (result: EgressResult): string => (result.ok ? Buffer.from(result.body).toString() : '');

describe('what is sent', () => {
  it('T63 asks for no encoding, says where it goes, and sends the body as it is', async () => {
    const { server, post } = await against((socket) => socket.write(plain(200, 'ok', { 'x-id': '7' })));
    expect(await post({ headers: { 'idempotency-key': 'msg_1/1' } })).toMatchObject({ ok: true, status: 200, headers: { 'x-id': '7' }, truncated: false });
    const [request] = server.requests;
    expect(request).toMatch(/^POST \/in\?x=1 HTTP\/1\.1\r\n/);
    for (const line of [`host: 127.0.0.1:${server.port}`, 'accept-encoding: identity', 'idempotency-key: msg_1/1', 'content-length: 5']) expect(request).toContain(`${line}\r\n`);
    expect(request?.endsWith('\r\n\r\nhello')).toBe(true);
  });

  it('T67 a header that would split the request is never sent', async () => {
    const { server, post } = await against((socket) => socket.write(plain(200, 'ok')));
    expect(await post({ headers: { 'idempotency-key': 'a\r\nx-evil: 1' } })).toMatchObject({ ok: false, problem: 'protocol', sent: false });
    expect(server.requests).toEqual([]);
  });
});

describe('T62: redirects and proxies', () => {
  it.each([301, 302, 303, 307, 308])('T62 %d is an answer, never followed: one connect', async (status) => {
    const { server, recorder, post } = await against((socket) => socket.write(plain(status, 'gone', { location: 'http://169.254.169.254/' })));
    expect(await post()).toMatchObject({ ok: true, status, headers: { location: 'http://169.254.169.254/' } });
    expect([server.requests.length, recorder.connects.length, recorder.lookups.length]).toEqual([1, 1, 0]);
  });

  it('T62 proxies of the environment are ignored', async () => {
    const proxy = await receiver((socket) => socket.write(plain(200, 'from the proxy')));
    open.push(proxy);
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${proxy.port}`;
    try {
      const { post } = await against((socket) => socket.write(plain(200, 'from the server')));
      expect(text(await post())).toBe('from the server');
      expect(proxy.connections).toBe(0);
    } finally {
      names.forEach((name, i) => { if (before[i] === undefined) delete process.env[name]; else process.env[name] = before[i]; });
    }
  });
});

describe('T63: what a receiver may do', () => {
  it('T63 never answers: ended at the deadline, and it may have been carried out', async () => {
    const { server, clock, post } = await against(() => {});
    const result = post();
    await until(() => server.requests.length === 1);
    clock.pass(29_999);
    expect(await Promise.race([result, Promise.resolve('still running')])).toBe('still running');
    clock.pass(1);
    expect(await result).toEqual({ ok: false, problem: 'timeout', sent: true, detail: 'no complete answer by the deadline' });
    await until(() => server.connections === 1 && clock.running === 0);
  });

  it('T63 1 byte/s: ended at the deadline, though bytes still come; what had come is there', async () => {
    let drip: (() => void) | undefined;
    let gone = false;
    const { clock, post } = await against((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n');
      socket.on('close', () => { gone = true; });
      drip = () => void socket.write('O');
    });
    const result = post();
    await until(() => drip !== undefined);
    for (let second = 0; second < 30; second++) {
      drip!();
      // Two turns, so that the byte is read before the next second begins.
      for (let turn = 0; turn < 3; turn++) await new Promise((done) => setImmediate(done));
      clock.pass(1_000);
    }
    expect(await result).toMatchObject({ ok: false, problem: 'timeout', sent: true, answered: { status: 200 } });
    await until(() => gone);
  });

  it('T63 1 GB body: 64 KiB are read, the rest is cut and the connection dropped', async () => {
    let written = 0;
    let gone = false;
    const { post } = await against((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n');
      socket.on('close', () => { gone = true; });
      const more = (): void => {
        while (!socket.destroyed && written < 1_073_741_824) {
          written += 65_536;
          if (!socket.write(Buffer.alloc(65_536, 'x'))) return void socket.once('drain', more);
        }
      };
      more();
    });
    const result = await post();
    expect(result).toMatchObject({ ok: true, status: 200, truncated: true });
    expect(result.ok && result.body.length).toBe(65_536);
    await until(() => gone);
    expect(written).toBeLessThan(64 * 1_048_576);
  });

  it.each([[10, false], [11, true]])('T63 of 10 bytes allowed, %d are cut: %s', async (length, truncated) => {
    const { post } = await against((socket) => socket.write(plain(200, 'x'.repeat(length))));
    const result = await post({ maxBytes: 10 });
    expect(result).toMatchObject({ ok: true, truncated });
    expect(text(result)).toBe('xxxxxxxxxx');
  });

  it('T63 gzip bomb and 20 stacked encodings: bytes as they came, nothing is inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { post } = await against((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: ${Array(20).fill('gzip').join(', ')}\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      socket.write(bomb);
    });
    const result = await post();
    expect(result.ok && Buffer.from(result.body).equals(bomb)).toBe(true);
  });

  it.each([
    ['1 MB header', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(1_000_000)}\r\n\r\n`],
    ['17 kB of headers', `HTTP/1.1 200 OK\r\n${Array.from({ length: 17 }, (_, i) => `x${i}: ${'a'.repeat(1_000)}\r\n`).join('')}\r\n`],
    ['HTTP/0.9', 'hello, this is the page\r\n'],
    ['1,000 × 103', 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(1_000)],
    ['100 that nobody asked for', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
    ['101', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ['two status lines', 'HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nOKK'],
    ['length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n'],
    ['wrong chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nOK\r\n0\r\n\r\n'],
    ['garbage', '\u0000\u0001\u0002\r\n\r\n'],
  ])('T63 T67 %s is a protocol error, and it may have been carried out', async (_name, bytes) => {
    const { post } = await against((socket) => socket.write(bytes));
    expect(await post()).toMatchObject({ ok: false, problem: 'protocol', sent: true });
  });

  it('T63 a few interim answers are passed over', async () => {
    const { post } = await against((socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3) + plain(200, 'ok')));
    expect(text(await post())).toBe('ok');
  });

  it.each([
    ['before any byte', ''],
    ['within the head', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['within the body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nOK'],
    ['within a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nOK'],
  ])('T45 T63 closes early, %s: sent, answer unknown; a reset likewise', async (_name, bytes) => {
    for (const end of [(socket: Socket) => socket.end(bytes), (socket: Socket) => void (bytes === '' ? socket.resetAndDestroy() : socket.write(bytes, () => socket.resetAndDestroy()))]) {
      const { server, post } = await against(end);
      const result = await post();
      expect(result).toMatchObject({ ok: false, sent: true });
      expect(['reset', 'protocol']).toContain(result.ok ? '' : result.problem);
      // A request that may have arrived is never written a second time.
      expect(server.requests.length).toBe(1);
    }
  });

  it('T63 204 and 410 are answers', async () => {
    const { post } = await against((socket, _request, n) => socket.write(n === 1 ? 'HTTP/1.1 204 No Content\r\n\r\n' : plain(410, '')));
    expect(await post()).toMatchObject({ ok: true, status: 204, truncated: false });
    expect(await post()).toMatchObject({ ok: true, status: 410 });
  });

  it('T63 one that hangs among 100 holds up nobody', async () => {
    const { server, clock, post } = await against((socket, _request, n) => { if (n !== 1) socket.write(plain(200, 'ok')); });
    const hanging = post();
    await until(() => server.requests.length === 1);
    expect((await Promise.all(Array.from({ length: 99 }, () => post()))).every((result) => result.ok)).toBe(true);
    clock.pass(30_000);
    expect(await hanging).toMatchObject({ ok: false, problem: 'timeout' });
  });

  it('T45 a kept connection that the other side closed meanwhile is not written to', async () => {
    const { server, post } = await against((socket) => socket.end(plain(200, 'ok')));
    for (let i = 0; i < 3; i++) {
      expect(await post()).toMatchObject({ ok: true, status: 200 });
      await until(() => server.requests.length === i + 1);
    }
    expect(server.connections).toBe(3);
  });
});
