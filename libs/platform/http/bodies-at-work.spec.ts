import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { request as connect, type ClientRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Refusal } from '#libs/event-sourcing/errors';
import { BodiesAtWork, COUNTED_FROM_BYTES } from './bodies-at-work.js';

const MOST = 4 * COUNTED_FROM_BYTES;
const bodies = new BodiesAtWork(MOST);
let app: FastifyInstance, port: number;
const waiting: (() => void)[] = [];

beforeAll(async () => {
  app = fastify();
  bodies.watch(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try { done(null, bodies.read(request, body as Buffer, (b) => { if (b[0] === 0) throw new Error('cannot be read'); return b.length; })); } catch (error) { done(error as Error); }
  });
  app.setErrorHandler((error, _request, reply) => reply.code(error instanceof Refusal ? 503 : 400).send(error instanceof Refusal ? error.extra : {}));
  app.post('/', () => new Promise((answer) => { waiting.push(() => answer({})); }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  port = (app.server.address() as AddressInfo).port;
});
afterAll(() => app.close());

interface Sent { status: Promise<number>; call: ClientRequest }
function send(bytes: number, first = 1): Sent {
  const call = connect({ host: '127.0.0.1', port, method: 'POST', headers: { 'content-type': 'text/plain' } });
  const status = new Promise<number>((resolve) => { call.on('response', (r) => { r.resume().on('end', () => resolve(r.statusCode!)); }).on('error', () => resolve(0)); });
  call.end(Buffer.alloc(bytes, first));
  return { status, call };
}
const until = async (what: () => boolean): Promise<void> => { while (!what()) await new Promise((next) => { setImmediate(next); }); };
const answerAll = (): void => { for (const answer of waiting.splice(0)) answer(); };

it('holds what is at work to the bound, tells who comes over it to come again, and takes him once others are answered', async () => {
  const held = [send(MOST / 2), send(MOST / 2)];
  await until(() => waiting.length === 2);
  expect(bodies.bytes).toBe(MOST);
  expect(await send(COUNTED_FROM_BYTES).status).toBe(503);
  const small = send(COUNTED_FROM_BYTES - 1);
  await until(() => waiting.length === 3);
  expect(bodies.bytes).toBe(MOST);
  answerAll();
  expect(await Promise.all([...held, small].map((s) => s.status))).toEqual([200, 200, 200]);
  await until(() => bodies.bytes === 0);
  const again = send(COUNTED_FROM_BYTES);
  await until(() => waiting.length === 1);
  answerAll();
  expect(await again.status).toBe(200);
});

it('takes one alone, however large', async () => {
  await until(() => bodies.bytes === 0);
  const large = send(2 * MOST);
  await until(() => waiting.length === 1);
  expect(bodies.bytes).toBe(2 * MOST);
  answerAll();
  expect(await large.status).toBe(200);
});

it('counts neither a body that cannot be read, nor one whose sender is gone', async () => {
  await until(() => bodies.bytes === 0);
  expect(await send(MOST, 0).status).toBe(400);
  expect(bodies.bytes).toBe(0);
  const gone = send(MOST);
  await until(() => waiting.length === 1);
  gone.call.destroy();
  await until(() => bodies.bytes === 0);
  answerAll();
});
