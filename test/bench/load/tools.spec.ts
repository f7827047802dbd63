import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../ground.js';
import { compiler, load, sink, type Sink } from './tools.js';

(compiler() ? describe : describe.skip)('the load generator and the sink (need gcc)', () => {
  let at: Sink;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'load-'));
    at = await sink({ keys: join(folder, 'keys') });
  });
  afterAll(async () => {
    await at.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('send each request once, with a key of its own, and count what arrived', async () => {
    const report = await load({ port: at.port, path: '/sink', requests: 5_000, warmUp: 100, record: join(folder, 'record') }).report;
    expect(report).toMatchObject({ requests: 5_000, status: { 200: 5_000 }, errors: 0, closed: 0 });
    expect(report.p50).toBeLessThanOrEqual(report.p99);
    expect(report.p99).toBeLessThanOrEqual(report.max * 1.02);
    expect(await at.stats()).toEqual({ calls: 5_100, distinct: 5_100, duplicates: 0, without_key: 0 });
    const keys = readFileSync(join(folder, 'keys'), 'utf8').trim().split('\n').sort();
    const recorded = readFileSync(join(folder, 'record'), 'utf8').trim().split('\n').map((line) => line.split(' ')[0]!).sort();
    expect(recorded).toEqual(keys);
  });

  it('tell a repeat from a new call', async () => {
    await at.reset();
    await load({ port: at.port, path: '/gateway/gateway.jsp', requests: 50, reuseKey: 'one' }).report;
    expect(await at.stats()).toEqual({ calls: 50, distinct: 1, duplicates: 49, without_key: 0 });
  });

  it('take their time where that is wanted, all calls at once, also when whoever asked has gone meanwhile', async () => {
    const slow = await sink({ delayMs: 40 });
    try {
      const report = await load({ port: slow.port, path: '/sink', requests: 1_500, connections: 50 }).report;
      expect(report).toMatchObject({ requests: 1_500, status: { 200: 1_500 }, errors: 0 });
      expect(report.p50).toBeGreaterThanOrEqual(39); // its histogram's steps are of 2 %
      expect(report.seconds).toBeLessThan((1_500 * 40) / 1000 / 2); // one after the other it would be 60 s
      const gone = load({ port: slow.port, path: '/sink', requests: 1_000_000, connections: 8 });
      await until('somebody asks', async () => (await slow.stats()).calls > 1_508, { pauseMs: 5 });
      gone.child.kill('SIGKILL');
      await expect(gone.report).rejects.toThrow('SIGKILL');
      expect((await load({ port: slow.port, path: '/sink', requests: 50, connections: 50 }).report).status).toEqual({ 200: 50 });
    } finally { await slow.close(); }
  });

  it('fill in number and key, send headers, and see every status', async () => {
    const seen: { body: unknown; key: string; token: string | undefined }[] = [];
    const server: Server = createServer((req, res) => {
      let body = '';
      req.on('data', (part) => { body += part; }).on('end', () => {
        seen.push({ body: JSON.parse(body), key: String(req.headers['idempotency-key']), token: req.headers.authorization });
        res.writeHead(seen.length % 2 ? 202 : 503, { 'content-type': 'application/json' }).end('x'.repeat(100_000)); // chunked, and larger than its buffer
      });
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    try {
      const { port } = server.address() as AddressInfo;
      const report = await load({ port, requests: 20, connections: 4, firstNumber: 7, body: '{"to":"{number}","k":"{key}"}', headers: ['Authorization: Bearer t'] }).report;
      expect(report).toMatchObject({ requests: 20, status: { 202: 10, 503: 10 }, errors: 0 });
      expect(new Set(seen.map((s) => s.key)).size).toBe(20);
      expect(new Set(seen.map((s) => (s.body as { to: string }).to)).has('+15550000007')).toBe(true);
      for (const { body, key, token } of seen) expect([(body as { k: string }).k, token]).toEqual([key, 'Bearer t']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('count what was never answered, and say when nobody is there', async () => {
    const server = createServer((req) => { req.socket.destroy(); });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const { port } = server.address() as AddressInfo;
    expect(await load({ port, requests: 8, connections: 8 }).report).toMatchObject({ requests: 0, errors: 8 });
    await new Promise((resolve) => { server.close(resolve); });
    await expect(load({ port, requests: 1 }).report).rejects.toThrow('cannot connect');
  });
});
