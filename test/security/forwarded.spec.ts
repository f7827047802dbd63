/** Rows T06 and T09 where nobody in front is trusted, and on the panel's own addresses. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLog } from '#libs/platform/telemetry/log';
import { WholeHouse, type Client, type Reply } from '../journeys/whole-house.js';

const lines: string[] = [];
let whole: WholeHouse;
beforeAll(async () => { whole = await WholeHouse.open({ log: createLog('warn', { write: (line) => lines.push(line) }), env: { ADMIN_PASSWORD: 'YourSecurePassword123' } }); }, 30_000);
afterAll(() => whole.close());
const from = (headers: Record<string, string> = {}): Client => whole.showing(headers);
const cookieOf = (reply: Reply): string => [reply.headers['set-cookie']].flat()[0]!.split(';')[0]!;
const admin = (): Promise<Reply> => from()('POST', '/api/auth/login', { body: { username: 'SMSadmin', password: 'YourSecurePassword123' } });

describe('on the panel\'s addresses', () => {
  const person = async (username: string): Promise<string> => (await from()('POST', '/auth/signup', { body: { username, password: 'password123' } })).body.id;

  it('T09 GET /admin/users/x/delete changes nothing, and POST with the cookie from elsewhere is 403', async () => {
    const id = await person('panel-person');
    const cookie = cookieOf(await admin());
    expect((await from({ cookie })('GET', `/admin/users/${id}/delete`)).status).toBe(200);
    const elsewhere = from({ cookie, origin: 'https://evil.example.com' });
    expect((await elsewhere('POST', `/admin/users/${id}/delete`, { body: {} })).body).toMatchObject({ status: 403, code: 'cross_site' });
    expect((await elsewhere('POST', `/admin/users/${id}/delete`, { raw: '', headers: { 'content-type': 'text/plain', 'content-length': '0' } })).status).toBe(415);
    expect((await from()('POST', '/auth/login', { body: { username: 'panel-person', password: 'password123' } })).status).toBe(200);
    expect((await from({ cookie })('POST', `/admin/users/${id}/delete`, { body: {} })).status).toBeLessThan(400);
    expect((await from()('POST', '/auth/login', { body: { username: 'panel-person', password: 'password123' } })).status).toBe(401);
  }, 20_000);
});

describe('without a trusted proxy', () => {
  it('T06 forwarded headers of nobody in particular count for nothing: the 11th wrong one is 429 whatever they say, and the log has the real address', async () => {
    const { body: { id } } = await from()('POST', '/auth/signup', { body: { username: 'forwarded', password: 'password123' } });
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) {
      const headers = { 'x-forwarded-for': `192.0.2.${i}`, forwarded: `for=192.0.2.${i}`, 'x-real-ip': `192.0.2.${i}`, 'x-forwarded-proto': 'https' };
      const reply = await from(headers)('POST', '/auth/login', { body: { username: 'forwarded', password: `wrong-${i}` } });
      statuses.push(reply.status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
    // once, however often they come
    expect(lines.filter((line) => line.includes('TRUSTED_PROXIES'))).toHaveLength(1);
    await whole.house.api.refusedSignIns.close();
    const { events } = await whole.house.engine.eventStore.readAll(null, ['signin-'], 1_000);
    const mine = events.flatMap((e) => (e.data as { entries: { user: string | null; address: never }[] }).entries).filter((e) => e.user === id);
    expect(new Set(await whole.house.kernel.sealer.open(mine.map((e) => e.address)))).toEqual(new Set(['127.0.0.1']));
    expect(mine).toHaveLength(11);
  }, 20_000);
});
