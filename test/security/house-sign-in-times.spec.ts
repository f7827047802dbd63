/** Row T05 on the real program: how long an answer takes says nothing of whether somebody is there. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WholeHouse, type Client } from '../journeys/whole-house.js';

const [TRIES, AT_ONCE] = [200, 4];
let whole: WholeHouse;
let n = 0;
/** From an address of its own, so that no count of wrong passwords stands in the way. */
const from = (headers: Record<string, string> = {}): Client => whole.showing({ 'x-forwarded-for': `198.18.${++n >> 8}.${n & 255}`, ...headers });
const signUp = async (username: string): Promise<{ id: string; username: string; password: string }> => {
  const { status, body } = await from()('POST', '/auth/signup', { body: { username, password: 'password123', email: `${username}@example.com` } });
  expect(status).toBe(201);
  return { id: body.id, username, password: 'password123' };
};
const median = (of: number[]): number => of.toSorted((a, b) => a - b)[of.length >> 1]!;
/** How far the medians are apart, as a share of the greatest. */
const spread = (of: number[][]): number => { const medians = of.map(median); return 1 - Math.min(...medians) / Math.max(...medians); };
/** How long each kind of try takes, all in turns and a few at once, so that whatever else the machine does falls on all alike; ms. */
async function timed(kinds: readonly (() => Promise<number>)[], status: number): Promise<number[][]> {
  const took: number[][] = kinds.map(() => []);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < TRIES * kinds.length) {
      const at = next++, kind = (at + Math.floor(at / kinds.length)) % kinds.length, began = performance.now();
      expect(await kinds[kind]!()).toBe(status);
      took[kind]!.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return took;
}

beforeAll(async () => { whole = await WholeHouse.open({ env: { TRUSTED_PROXIES: '127.0.0.1', ADMIN_PASSWORD: 'YourSecurePassword123' } }); }, 30_000);
afterAll(() => whole.close());

describe('T05 whoever guesses names', () => {
  it('learns nothing from the time of a login: medians differ by less than 10 %', async () => {
    const { body } = await from()('POST', '/api/auth/login', { body: { username: 'SMSadmin', password: 'YourSecurePassword123' } });
    const [here, gone] = [await signUp('here'), await signUp('gone')];
    expect((await from({ authorization: `Bearer ${String(body['token'])}` })('POST', `/api/v1/users/${gone.id}/disable`, { body: {} })).status).toBe(200);
    const kinds = [{ username: 'nobody-at-all', password: 'wrong-one' }, { username: here.username, password: 'wrong-one' }, { username: gone.username, password: 'wrong-one' }, { username: gone.username, password: gone.password }];
    const took = await timed(kinds.map((body) => async () => (await from()('POST', '/auth/login', { body })).status), 401);
    expect(spread(took)).toBeLessThan(0.1);
  }, 300_000);

  it('learns nothing from the time of a reset: medians differ by less than 10 %', async () => {
    await signUp('timed');
    const took = await timed(['timed@example.com', 'nobody@example.com'].map((email) => async () => (await from()('POST', '/auth/password/forgot', { body: { email } })).status), 202);
    expect(spread(took)).toBeLessThan(0.1);
  }, 120_000);
});
