import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lost, read, unlawfulCalls } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { askFor, wish, type Reply, type Wish } from './house/sender.js';
import { bearer, built, caughtUp, newPlace, removed, started, token, type Place } from './house/server.js';

const AT_ONCE = 100;
const ROUNDS = 3;
let gateway: NotingGateway;
let at: Place;
let secret: string;
const wishes: Wish[] = [];

beforeAll(async () => { built(); gateway = await notingGateway(); at = await newPlace(gatewaysAt(gateway.url)); }, 60_000);
afterAll(async () => { await gateway.close(); await removed(at); });

const sameAnswers = (replies: readonly Reply[]): void => {
  expect(replies.map((r) => r.status)).toEqual(replies.map(() => 202));
  expect(new Set(replies.map((r) => r.text)).size).toBe(1);
};

describe('a hundred requests at once with one Idempotency-Key', () => {
  it('make one message, are answered alike, and it is sent once', async () => {
    const server = await started(at);
    secret = await token(at, 'hundred');
    const who = bearer(at, secret, AT_ONCE);
    for (let round = 0; round < ROUNDS; round++) {
      const w = wish('native');
      wishes.push(w);
      const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => askFor(who, w)));
      sameAnswers(replies);
      expect(replies.filter((r) => r.headers['idempotency-replayed'] !== 'true')).toHaveLength(1);
    }
    who.close();
    await server.end('SIGKILL');
  }, 30_000);

  it('the same, where the server is killed at the first answer and asked again after its next start', async () => {
    const answered: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const server = await started(at);
      const who = bearer(at, secret, AT_ONCE);
      const w = wish('native');
      wishes.push(w);
      const before = (await Promise.allSettled(Array.from({ length: AT_ONCE }, () => askFor(who, w).finally(() => server.child.kill('SIGKILL')))))
        .flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
      await server.ended;
      who.close();
      const next = await started(at);
      const again = bearer(at, secret, AT_ONCE);
      const after = await Promise.all(Array.from({ length: AT_ONCE }, () => askFor(again, w)));
      sameAnswers([...before, ...after]);
      again.close();
      answered.push(before.length);
      await next.end('SIGKILL');
    }
    const last = await started(at);
    await caughtUp(at);
    expect((await last.end('SIGTERM')).code).toBe(0);
    const found = await read(at.data);
    console.log(`one key: ${2 * ROUNDS} keys × ${AT_ONCE} requests, ${found.messages.size} messages; answered before the kill: ${answered.join(', ')}; ${gateway.calls.length} calls`);
    expect(lost(found, wishes)).toEqual([]);
    expect(found.messages.size).toBe(wishes.length);
    expect(unlawfulCalls(found, gateway.calls)).toEqual([]);
    expect(found.wrongRows).toEqual([]);
  }, 60_000);
});
