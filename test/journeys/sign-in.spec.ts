/** Signing up, in and out over HTTP, as the manuals' own samples do it, and what an attacker does instead. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { WholeHouse, type Body, type Client, type Reply } from './whole-house.js';

let whole: WholeHouse;
let n = 0;
/** From an address of its own, as the trusted proxy in front says. */
const from = (address = `198.18.${++n >> 8}.${n & 255}`, headers: Record<string, string> = {}): Client => whole.showing({ 'x-forwarded-for': address, ...headers });
const signup = async (username = `alice${++n}`, password = 'password123'): Promise<{ id: string; username: string; password: string }> => {
  const reply = await from()('POST', '/auth/signup', { body: { username, password, full_name: 'Alice Smith' } });
  expect([reply.status, reply.body]).toEqual([201, { id: expect.stringMatching(/^usr_[0-9a-f]{32}$/), username, full_name: 'Alice Smith' }]);
  return { id: reply.body.id, username, password };
};
const login = (client: Client, body: object): Promise<Reply> => client('POST', '/auth/login', { body });
const me = (headers: Record<string, string>): Promise<Reply> => from(undefined, headers)('GET', '/auth/me');
const bearer = (token: unknown): Record<string, string> => ({ authorization: `Bearer ${String(token)}` });
const cookieOf = (reply: Reply): string => [reply.headers['set-cookie']].flat()[0]!.split(';')[0]!;
const sessionOf = (token: unknown): string => (JSON.parse(Buffer.from(String(token).split('.')[1]!, 'base64url').toString()) as { sid: string }).sid;
const sessionEvents = (sid: string) => whole.house.engine.eventStore.read(`session-${sid}`, 0, 100);

beforeAll(async () => { whole = await WholeHouse.open({ env: { TRUSTED_PROXIES: '127.0.0.1', ADMIN_PASSWORD: 'YourSecurePassword123' } }); }, 30_000);
afterAll(() => whole.close());

describe("the manuals' own samples", () => {
  it('S4: sign up, sign in, refresh, who am I', async () => {
    const client = from();
    expect(await client('POST', '/auth/signup', { body: { username: 'alice', password: 'password123', full_name: 'Alice Smith' } })).toMatchObject({ status: 201, body: { username: 'alice', full_name: 'Alice Smith' } });
    const { status, body } = await login(client, { username: 'alice', password: 'password123' });
    expect([status, body]).toEqual([200, {
      access_token: expect.stringMatching(/^eyJ/), refresh_token: expect.stringMatching(/^eyJ/), token_type: 'bearer', expires_in: 1_800,
      success: true, message: 'Login successful', redirect: '/dashboard', token: expect.stringMatching(/^hgt_/), must_change_password: false,
    }]);
    expect(await me(bearer(body['access_token']))).toMatchObject({ status: 200, body: { id: expect.any(String), username: 'alice', full_name: 'Alice Smith' } });
    const next = await client('POST', '/auth/refresh', { body: { refresh_token: body['refresh_token'] } });
    expect([next.status, Object.keys(next.body).sort()]).toEqual([200, ['access_token', 'expires_in', 'refresh_token', 'token_type']]);
    expect((await me(bearer(next.body['access_token']))).status).toBe(200);
  });
  it('S3: the administrator of the first start signs in, and the token works', async () => {
    const { status, body } = await from()('POST', '/api/auth/login', { body: { username: 'SMSadmin', password: 'YourSecurePassword123' } });
    expect([status, body['must_change_password']]).toEqual([200, false]);
    expect(await me(bearer(body['token']))).toMatchObject({ status: 200, body: { username: 'SMSadmin', role: 'admin' } });
  });
  it('S3: the form leads in, the link leads out', async () => {
    const { username, password } = await signup();
    const client = from();
    const page = await client('GET', '/login');
    expect([page.status, page.headers['referrer-policy'], page.text.includes('<form method="post" action="/login">')]).toEqual([200, 'no-referrer', true]);
    const form = (text: string) => ({ raw: new URLSearchParams({ username, password: text }).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    const wrong = await client('POST', '/login', form('wrong-password'));
    expect([wrong.status, wrong.headers['content-type'], wrong.text.includes('role="alert"')]).toEqual([401, 'text/html; charset=utf-8', true]);
    // a sentence of the page names the field once
    const empty = await client('POST', '/login', form(''));
    expect([empty.status, /role="alert">([^<;]*)/.exec(empty.text)?.[1]]).toEqual([400, 'password must be a text of 1 to 1024 characters']);
    const right = await client('POST', '/login', form(password));
    expect([right.status, right.headers['location']]).toEqual([303, '/']);
    const home = await client('GET', '/');
    expect([home.status, home.headers['content-type'], home.text.includes('<a href="/logout">Sign out</a>')]).toEqual([200, 'text/html; charset=utf-8', true]);
    const cookie = cookieOf(right);
    expect(await me({ cookie })).toMatchObject({ status: 200, body: { username } });
    const out = await from(undefined, { cookie })('GET', '/logout');
    expect([out.status, out.headers['location'], cookieOf(out)]).toEqual([303, '/login', 'sid=']);
    expect((await me({ cookie })).status).toBe(401);
  });
  it('S2: register and sign in by e-mail, then the cookie alone', async () => {
    const client = from();
    const registered = await client('POST', '/auth/register', { body: { name: 'John Doe', email: 'john@example.com', password: 'securepassword123' } });
    expect([registered.status, registered.body]).toEqual([201, { success: true, message: 'Account created successfully', user_id: expect.stringMatching(/^usr_/) }]);
    const reply = await login(client, { email: 'John@Example.com', password: 'securepassword123' });
    expect(reply.body).toMatchObject({ success: true, message: 'Login successful', redirect: '/dashboard' });
    const dashboard = await client('GET', String(reply.body['redirect']));
    expect([dashboard.status, dashboard.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await me({ cookie: cookieOf(reply) })).toMatchObject({ status: 200, body: { username: 'john@example.com', full_name: 'John Doe' } });
  });
  it('values that are not acceptable are 400 there, and name the field', async () => {
    for (const [path, body, field] of [
      ['/auth/signup', { username: 'bob' }, 'password'], ['/auth/signup', { username: 'b b', password: 'password123' }, 'username'], ['/auth/signup', { username: 'bob', password: 'short' }, 'password'],
      ['/auth/register', { name: 'x', email: 'not-an-address', password: 'password123' }, 'email'], ['/auth/login', { password: 'x' }, 'username'], ['/auth/login', { username: 'a', email: 'b', password: 'x' }, 'email'],
      ['/auth/login', { username: 'a', password: 7 }, 'password'], ['/auth/login', { username: 'a', password: 'x', role: 'admin' }, 'role'], ['/auth/refresh', {}, 'refresh_token'],
    ] as const) {
      const reply = await from()('POST', path, { body });
      expect([path, reply.status, reply.body['code'], [...new Set(reply.body.errors?.map((e) => e.field))]]).toEqual([path, 400, 'invalid_request', [field]]);
    }
  });
  it('many sign up at once from one address', async () => {
    const client = from();
    const statuses = await Promise.all(Array.from({ length: 12 }, (_, i) => client('POST', '/auth/signup', { body: { username: `crowd-${i}`, password: 'password123' } }).then((r) => r.status)));
    expect(statuses).toEqual(Array(12).fill(201));
  }, 20_000);
  it('of two at once from two addresses with one key, the one with another password is told that it is none of its', async () => {
    for (let round = 0; round < 3; round++) {
      const headers = { 'idempotency-key': `sign-up-race-${round}` };
      const both = await Promise.all(['password123', 'password124'].map((password) => from()('POST', '/auth/signup', { body: { username: `raced-${round}`, password }, headers })));
      const codes = both.map((r) => [r.status, r.body['code'] ?? null]);
      expect(codes.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual([[201, null], [expect.any(Number), 'idempotency_mismatch']]);
      const same = await Promise.all([1, 2].map(() => from()('POST', '/auth/signup', { body: { username: `same-${round}`, password: 'password123' }, headers: { 'idempotency-key': `sign-up-same-${round}` } })));
      expect([same.map((r) => r.status), same[0]!.text, same.filter((r) => r.headers['idempotency-replayed'] === 'true').length]).toEqual([[201, 201], same[1]!.text, 1]);
    }
  }, 20_000);
  it('an Idempotency-Key makes one account, for who knows its password', async () => {
    const client = from(), headers = { 'idempotency-key': 'sign-up-1' };
    const first = await client('POST', '/auth/signup', { body: { username: 'keyed', password: 'password123' }, headers });
    const again = await client('POST', '/auth/signup', { body: { username: 'keyed', password: 'password123' }, headers });
    expect([again.status, again.text, again.headers['idempotency-replayed']]).toEqual([201, first.text, 'true']);
    expect((await client('POST', '/auth/signup', { body: { username: 'keyed', password: 'password124' }, headers })).body['code']).toBe('idempotency_mismatch');
    for (let guess = 0; guess < 4; guess++) await client('POST', '/auth/signup', { body: { username: 'keyed', password: `guessed-${guess}` }, headers });
    expect((await client('POST', '/auth/signup', { body: { username: 'keyed', password: 'password123' }, headers })).status).toBe(429);
  });
});

describe('T03 a refresh token', () => {
  const signedIn = async (): Promise<{ R1: unknown; access: unknown; token: unknown; cookie: string; sid: string; client: Client }> => {
    const { username, password } = await signup();
    const client = from(), reply = await login(client, { username, password });
    return { R1: reply.body['refresh_token'], access: reply.body['access_token'], token: reply.body['token'], cookie: cookieOf(reply), sid: sessionOf(reply.body['access_token']), client };
  };
  const refresh = (client: Client, token: unknown): Promise<Reply> => client('POST', '/auth/refresh', { body: { refresh_token: token } });

  it('Refresh R1 (gives R2), then send R1 again: 401, the whole family ended, one event naming family and address', async () => {
    const { R1, access, token, cookie, sid, client } = await signedIn();
    const second = await refresh(client, R1);
    const R2 = second.body['refresh_token'];
    expect(R2).not.toBe(R1);
    const thief = from('203.0.113.66');
    expect((await refresh(thief, R1)).body).toMatchObject({ status: 401, code: 'session_ended' });
    expect((await refresh(client, R2)).status).toBe(401);
    await until('access ended', async () => (await me(bearer(access))).status === 401, 5_000);
    await until('API token ended', async () => (await me(bearer(token))).status === 401, 5_000);
    await until('cookie ended', async () => (await me({ cookie })).status === 401, 5_000);
    expect((await me(bearer(second.body['access_token']))).status).toBe(401);
    const events = await sessionEvents(sid);
    expect(events.map((e) => e.type)).toEqual(['SessionStarted', 'SessionRefreshed', 'SessionEnded']);
    const ended = events[2]!.data as { reason: string; address: never };
    expect([ended.reason, await whole.house.kernel.sealer.open([ended.address])]).toEqual(['reuse', ['203.0.113.66']]);
  });
  it('two parallel refreshes with R1: exactly one 200, never two token pairs', async () => {
    const { R1, sid, client } = await signedIn();
    const replies = await Promise.all([1, 2].map(() => refresh(client, R1)));
    expect(replies.map((r) => r.status).sort((a, b) => a - b)).toEqual([200, 401]);
    expect((await sessionEvents(sid)).filter((e) => e.type === 'SessionRefreshed')).toHaveLength(1);
  });
  it.each([['an access token', 'access'], ['nonsense', 'x.y.z'], ['20 kB', 'x'.repeat(20_000)]])('%s is none: 401', async (_, what) => {
    const { access, client } = await signedIn();
    expect((await refresh(client, what === 'access' ? access : what)).body).toMatchObject({ status: 401, code: 'invalid_token' });
  });
  it('T02 is no access token', async () => { expect((await me(bearer((await signedIn()).R1))).body).toMatchObject({ status: 401, code: 'invalid_token' }); });
});

describe('T05 whoever guesses names', () => {
  const bare = ({ text, headers, status }: Reply): unknown => [status, text.replaceAll(/req_[A-Za-z0-9_]+/g, 'REQUEST'), Object.keys(headers).sort()];
  it('learns nothing from the login: unknown, wrong, disabled, disabled and right', async () => {
    const admin = from(undefined, bearer((await from()('POST', '/api/auth/login', { body: { username: 'SMSadmin', password: 'YourSecurePassword123' } })).body['token']));
    const [here, gone] = [await signup(), await signup()];
    expect((await admin('POST', `/api/v1/users/${gone.id}/disable`, { body: {} })).status).toBe(200);
    const answers = await Promise.all([{ username: 'nobody-at-all', password: 'password123' }, { username: here.username, password: 'wrong-one' }, { username: gone.username, password: 'wrong-one' }, { username: gone.username, password: gone.password }].map((body) => login(from(), body)));
    expect(answers.map((a) => a.body['code'])).toEqual(Array(4).fill('invalid_credentials'));
    expect(new Set(answers.map((a) => JSON.stringify(bare(a)))).size).toBe(1);
  });
  it('learns nothing from the reset: known and unknown are 202, body and headers the same', async () => {
    await from()('POST', '/auth/register', { body: { name: 'K', email: 'known@example.com', password: 'password123' } });
    const [known, unknown] = await Promise.all(['known@example.com', 'unknown@example.com'].map((email) => from()('POST', '/auth/password/forgot', { body: { email } })));
    expect(known!.status).toBe(202);
    expect(bare(known!)).toEqual(bare(unknown!));
  });
  it('learns at most 5 taken names an hour: then 429', async () => {
    const { username } = await signup();
    const client = from();
    const tries = await Promise.all(Array.from({ length: 8 }, () => client('POST', '/auth/signup', { body: { username: username.toUpperCase(), password: 'password123' } }).then((r) => r.status)));
    expect(tries.toSorted((a, b) => a - b)).toEqual([409, 409, 409, 409, 409, 429, 429, 429]);
    expect((await from()('POST', '/auth/signup', { body: { username, password: 'password123' } })).status).toBe(409);
  });
});

describe('T06 whoever guesses passwords', () => {
  it('11 wrong passwords in 5 minutes for one account: the 11th is 429 with Retry-After; the right password from another address is still 200', async () => {
    const { id, username, password } = await signup();
    const client = from();
    for (let i = 0; i < 10; i++) expect((await login(client, { username, password: `wrong-${i}` })).status).toBe(401);
    for (const text of ['wrong-10', password]) {
      const late = await login(client, { username, password: text });
      expect([late.status, late.body['code'], Number(late.headers['retry-after'])]).toEqual([429, 'rate_limited', expect.any(Number)]);
      expect(Number(late.headers['retry-after'])).toBeGreaterThan(200);
    }
    const { status, body } = await login(from(), { username, password });
    expect(status).toBe(200);
    const mine = from(undefined, bearer(body['access_token']));
    await until('refused ones are told of', async () => ((await mine('GET', '/api/v1/profile/sign-ins?limit=50')).body['sign_ins'] as Body[]).length === 13, 5_000);
    const told = (await mine('GET', '/api/v1/profile/sign-ins?limit=50')).body['sign_ins'] as Record<string, unknown>[];
    expect(told.map((t) => `${String(t['status'])} ${String(t['reason'])}`).sort()).toEqual([...Array(2).fill('failed delayed'), ...Array(10).fill('failed password'), 'success null']);
    expect(told.every((t) => String(t['address']).startsWith('198.18.'))).toBe(true);
    expect((await whole.house.engine.eventStore.read(`user-${id}`, 0, 100)).length).toBe(1);
  }, 30_000);
  it('one password for 200 accounts from one address: 429', async () => {
    const client = from();
    const statuses = await Promise.all(Array.from({ length: 200 }, (_, i) => login(client, { username: `sprayed-${i}`, password: 'Summer2030' }).then((r) => r.status)));
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(statuses.filter((s) => s === 401).length).toBeLessThanOrEqual(30);
    expect((await login(client, { username: 'sprayed-200', password: 'Summer2030' })).status).toBe(429);
  }, 30_000);
  it('signing in rightly counts for nothing', async () => {
    const { username, password } = await signup();
    const client = from();
    for (let i = 0; i < 12; i++) expect((await login(client, { username, password })).status).toBe(200);
  }, 30_000);
  it('many at once cannot pass the count', async () => {
    const { username } = await signup();
    const client = from();
    const statuses = await Promise.all(Array.from({ length: 30 }, (_, i) => login(client, { username, password: `wrong-${i}` }).then((r) => r.status)));
    expect(statuses.filter((s) => s === 401).length).toBeLessThanOrEqual(10);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
  }, 30_000);
});

describe('T09 the cookie', () => {
  const signedIn = async (): Promise<{ cookie: string; username: string }> => {
    const { username, password } = await signup();
    return { cookie: cookieOf(await login(from(), { username, password })), username };
  };
  it('set by the attacker before login: a new id at login, the old one opens nothing', async () => {
    const planted = (await signedIn()).cookie;
    const { username, password } = await signup();
    const reply = await login(from(undefined, { cookie: planted }), { username, password });
    expect(cookieOf(reply)).not.toBe(planted);
    expect((await me({ cookie: cookieOf(reply) })).body).toMatchObject({ username });
    const again = await from(undefined, { cookie: cookieOf(reply), 'content-type': 'application/x-www-form-urlencoded' })('POST', '/login', { raw: new URLSearchParams({ username, password }).toString() });
    expect([again.status, (await me({ cookie: cookieOf(reply) })).status, (await me({ cookie: cookieOf(again) })).status]).toEqual([303, 401, 200]);
    for (const cookie of ['sid=chosen', planted, planted.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))]) expect((await me({ cookie })).status).toBe(401);
  });
  it('replayed after logout: 401', async () => {
    const { cookie } = await signedIn();
    const out = await from(undefined, { cookie })('POST', '/auth/logout', { body: {} });
    expect([out.status, cookieOf(out)]).toEqual([200, 'sid=']);
    expect((await me({ cookie })).body).toMatchObject({ status: 401, code: 'session_ended' });
  });
  it.each([
    ['Origin: https://evil.example.com', 403, { origin: 'https://evil.example.com' }, 'cross_site'], ['Sec-Fetch-Site: cross-site', 403, { 'sec-fetch-site': 'cross-site' }, 'cross_site'],
    ['Content-Type: text/plain', 415, { 'content-type': 'text/plain' }, 'unsupported_media_type'],
  ] as const)('a write with it and %s: %i', async (_, status, headers, code) => {
    const { cookie } = await signedIn();
    const reply = await from(undefined, { cookie, ...headers })('DELETE', '/api/v1/profile/sessions', status === 415 ? { raw: '{}', headers } : {});
    expect(reply.body).toMatchObject({ status, code });
    expect((await me({ cookie })).status).toBe(200);
  });
  it('a read with it from elsewhere changes nothing, nor does a link to /logout of another site', async () => {
    const { cookie } = await signedIn();
    expect((await from(undefined, { cookie, 'sec-fetch-site': 'cross-site' })('GET', '/logout')).status).toBe(303);
    expect((await me({ cookie })).status).toBe(200);
  });
  it('another site signs nobody in', async () => {
    const { username, password } = await signup();
    const raw = new URLSearchParams({ username, password }).toString();
    const reply = await from()('POST', '/login', { raw, headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example.com' } });
    expect([reply.status, reply.headers['set-cookie']]).toEqual([403, undefined]);
  });
  it('is HttpOnly and SameSite=Lax; behind a proxy that says it is TLS also __Host- and Secure, and then only that one counts', async () => {
    const { username, password } = await signup();
    const plain = await login(from(), { username, password });
    expect([plain.headers['set-cookie']].flat()[0]).toMatch(/^sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
    const tls = { 'x-forwarded-proto': 'https' };
    const secure = await login(from(undefined, tls), { username, password });
    expect([secure.headers['set-cookie']].flat()[0]).toMatch(/^__Host-sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    expect((await me({ ...tls, cookie: cookieOf(secure) })).status).toBe(200);
    expect((await me({ ...tls, cookie: cookieOf(plain) })).body['code']).toBe('unauthenticated');
  });
});
