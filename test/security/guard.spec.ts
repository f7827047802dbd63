/** The one guard over the whole house: whose credentials end when, what a cookie is worth, which addresses may ask, whose allowance counts. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import type { StreamCommand } from '#libs/event-sourcing/decider';
import type { Role } from '#libs/identity/principal';
import { COOKIE_NAME } from '#libs/identity/session/cookie';
import { EndSession } from '#libs/identity/session/session.decider';
import { ChangeRole, DeleteUser, DisableUser, EnableUser, SetPassword, SignOutUser } from '#libs/identity/user/user.decider';
import { account, apiKey, KINDS, person, signIn, type Kind, type Person } from '../journeys/principals.js';
import { WholeHouse, type Client } from '../journeys/whole-house.js';

const context = { principal: 'local:spec', correlationId: 'spec', causationId: 'spec' };
const MESSAGES = '/api/v1/messages';

let whole: WholeHouse, admin: Client;
beforeAll(async () => {
  whole = await WholeHouse.open();
  admin = (await person(whole, 'admin')).as['api-token'];
}, 20_000);
afterAll(() => whole.close());

const happens = (command: StreamCommand): Promise<unknown> => whole.house.api.bus.execute(command);
const status = async (client: Client, path = MESSAGES): Promise<number> => (await client('GET', path)).status;
const statuses = async (somebody: Person, path = MESSAGES): Promise<Record<Kind, number>> =>
  Object.fromEntries(await Promise.all(KINDS.map(async (kind) => [kind, await status(somebody.as[kind], path)]))) as Record<Kind, number>;
const ALL = { 'access-token': 200, session: 200, 'api-token': 200, 'api-key': 200, 'client-certificate': 200 };
const NONE = { 'access-token': 401, session: 401, 'api-token': 401, 'api-key': 401, 'client-certificate': 401 };
const SIGNED_OUT = { ...ALL, 'access-token': 401, session: 401, 'api-token': 401 };

const ENDS: [string, (id: string, session: string) => StreamCommand, Record<Kind, number>][] = [
  ['password changed', (id) => new SetPassword(id, { password: '$argon2id$other', by: 'self', mustChange: false }, context), SIGNED_OUT],
  ['user disabled', (id) => new DisableUser(id, { reason: null, by: null, othersRemain: true }, context), NONE],
  ['user deleted', (id) => new DeleteUser(id, { by: null, othersRemain: true }, context), NONE],
  ['logout', (_, session) => new EndSession(session, { reason: 'logout', address: null }, context), { ...ALL, 'access-token': 401, session: 401 }],
  ['signed out everywhere', (id) => new SignOutUser(id, { of: 'all', reason: 'admin' }, context), SIGNED_OUT],
  ['API tokens regenerated', (id) => new SignOutUser(id, { of: 'tokens', reason: 'admin' }, context), { ...ALL, 'api-token': 401 }],
];

describe('what ends an account\'s credentials', () => {
  it.each(ENDS)('T04 %s: what it ends is refused at the next request within 5 s, the rest goes on', async (_, command, after) => {
    const somebody = await person(whole, 'operator');
    expect(await statuses(somebody)).toEqual(ALL);
    await happens(command(somebody.id, somebody.session));
    await until('it counts', async () => JSON.stringify(await statuses(somebody)) === JSON.stringify(after), 5_000);
    expect(await statuses(somebody)).toEqual(after);
  });
  it('T04 role removed: 403 with every kind, where that role was needed', async () => {
    const somebody = await person(whole, 'admin');
    const was = await statuses(somebody, '/api/v1/settings');
    expect(was).toEqual(ALL);
    await happens(new ChangeRole(somebody.id, { role: 'user', by: null, othersRemain: true }, context));
    await until('it counts', async () => (await status(somebody.as['access-token'], '/api/v1/settings')) === 403, 5_000);
    expect(await statuses(somebody, '/api/v1/settings')).toEqual(Object.fromEntries(KINDS.map((kind) => [kind, 403])));
    expect(await statuses(somebody)).toEqual(ALL);
  });
  it('T14 client suspended: its certificate opens nothing on a connection that is open, and again once it is enabled', async () => {
    const somebody = await person(whole, 'user');
    const device = somebody.as['client-certificate'];
    expect(await status(device)).toBe(200);
    await happens(new DisableUser(somebody.id, { reason: null, by: null, othersRemain: true }, context));
    await until('it is refused', async () => (await status(device)) === 401, 5_000);
    expect((await device('GET', MESSAGES)).body).toMatchObject({ code: 'invalid_certificate', reason: 'owner-gone' });
    await happens(new EnableUser(somebody.id, {}, context));
    await until('it counts again', async () => (await status(device)) === 200, 5_000);
    // what was signed in before is gone for good
    expect(await status(somebody.as['access-token'])).toBe(401);
  });
  it('T04 after a restart it is still refused', async () => {
    const own = await WholeHouse.open();
    try {
      const [ended, kept] = [await account(own, 'user'), await account(own, 'user')];
      const texts = await Promise.all([ended, kept].map(async (id) => ({ access: (await signIn(own, id)).access, token: await own.token(id), key: (await apiKey(own, id)).text })));
      await own.house.api.bus.execute(new DisableUser(ended, { reason: null, by: null, othersRemain: true }, context));
      await own.stop();
      await own.start();
      const asked = await Promise.all(texts.map(({ access, token, key }) => Promise.all([own.bearer(access), own.bearer(token), own.showing({ 'x-api-key': key })].map((client) => status(client)))));
      expect(asked).toEqual([[401, 401, 401], [200, 200, 200]]);
    } finally { await own.close(); }
  }, 20_000);
});

describe('a session cookie', () => {
  const write = async (headers: Record<string, string>): Promise<string> => {
    const { cookie } = await signIn(whole, await account(whole, 'operator'));
    const { status: code, body } = await whole.showing({ cookie: `theme=dark; ${COOKIE_NAME}=${cookie}` })('POST', MESSAGES, { body: { to: '+15550002222', body: 'x', send_at: '2099-01-01T00:00:00Z' }, headers });
    return `${code} ${(body['code'] as string | undefined) ?? ''}`.trim();
  };
  it('is taken from our own pages, and from programs that say nothing', async () => {
    const own = `http://localhost:${whole.house.listening.ports[0]!.port}`;
    for (const headers of [{}, { 'sec-fetch-site': 'same-origin', origin: own }, { 'sec-fetch-site': 'none' }]) expect(await write(headers as Record<string, string>)).toBe('202');
  });
  it.each([{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://example.com' }, { origin: 'null' }])('changes nothing for another site: %j', async (headers) => expect(await write(headers as unknown as Record<string, string>)).toBe('403 cross_site'));
  it('reads for any site: the answer is kept from it by the browser', async () => {
    const { cookie } = await signIn(whole, await account(whole, 'user'));
    expect((await whole.showing({ cookie: `${COOKIE_NAME}=${cookie}` })('GET', MESSAGES, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(200);
  });
  it('is passed over beside another credential: a client with a cookie jar sends it unasked', async () => {
    const { cookie } = await signIn(whole, await account(whole, 'user'));
    const other = await person(whole, 'admin');
    const both = whole.showing({ cookie: `${COOKIE_NAME}=${cookie}`, authorization: `Bearer ${await whole.token(other.id, 'admin')}` });
    expect(await status(both, '/api/v1/settings')).toBe(200);
    expect(await status(whole.showing({ cookie: `${COOKIE_NAME}=${cookie}`, authorization: 'Bearer x' }))).toBe(401);
  });
  it('wrong, twice, or of nobody is refused', async () => {
    const { cookie } = await signIn(whole, await account(whole, 'user'));
    for (const wrong of [`${cookie}x`, 'x', '', cookie.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))]) expect((await whole.showing({ cookie: `${COOKIE_NAME}=${wrong}` })('GET', MESSAGES)).body['code']).toBe('session_ended');
    expect((await whole.showing({ cookie: `${COOKIE_NAME}=${cookie}; ${COOKIE_NAME}=${cookie}` })('GET', MESSAGES)).status).toBe(400);
  });
});

describe('a password that somebody else knows', () => {
  it('opens one\'s own account alone by cookie; the rest too where the setting says so', async () => {
    const id = await account(whole, 'operator', true);
    const { cookie, access } = await signIn(whole, id);
    const [portal, program] = [whole.showing({ cookie: `${COOKIE_NAME}=${cookie}` }), whole.bearer(access)];
    expect((await portal('GET', MESSAGES)).body['code']).toBe('password_change_required');
    expect(await status(portal, '/api/v1/profile/certificates')).toBe(200);
    expect(await status(program)).toBe(200);
    expect((await admin('PUT', '/api/v1/settings', { body: { authentication: { force_password_change: 'everywhere' } } })).status).toBe(200);
    await until('it counts', async () => (await program('GET', MESSAGES)).body['code'] === 'password_change_required', 5_000);
    expect(await status(program, '/api/v1/profile/certificates')).toBe(200);
    await admin('PUT', '/api/v1/settings', { body: { authentication: { force_password_change: 'portal' } } });
    await until('it counts no more', async () => (await status(program)) === 200, 5_000);
  });
});

/** One request from another address of this machine. */
const from = (address: string, path: string, headers: Record<string, string> = {}, { house } = whole): Promise<{ status: number; text: string; headers: Record<string, unknown> }> => new Promise((resolve, reject) => {
  request({ host: '127.0.0.1', localAddress: address, port: house.listening.ports[0]!.port, path, headers: { host: 'localhost', ...headers } }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (part: string) => { text += part; }).once('end', () => resolve({ status: answer.statusCode!, text, headers: answer.headers }));
  }).once('error', reject).end();
});

describe('the lists of addresses', () => {
  const lists = async (ip_deny: string[], ip_allow: string[]): Promise<number> => (await admin('PUT', '/api/v1/settings', { body: { security: { ip_deny, ip_allow }, confirm: true } })).status;
  it('are asked before anything else, on every path, by whatever credential', async () => {
    const token = await whole.token('somebody');
    expect((await from('127.0.0.2', MESSAGES, { authorization: `Bearer ${token}` })).status).toBe(200);
    expect(await lists(['127.0.0.2/31'], [])).toBe(200);
    await until('it counts', async () => (await from('127.0.0.2', MESSAGES)).status === 403, 5_000);
    for (const path of [MESSAGES, '/nothing/here', '/docs', '/metrics']) {
      const { status: code, text } = await from('127.0.0.2', path, { authorization: `Bearer ${token}` });
      expect([path, code, (JSON.parse(text) as { code: string }).code]).toEqual([path, 403, 'address_refused']);
    }
    expect((await from('127.0.0.3', MESSAGES)).status).toBe(403);
    // a forged header is nobody's address
    expect((await from('127.0.0.2', MESSAGES, { authorization: `Bearer ${token}`, 'x-forwarded-for': '127.0.0.1' })).status).toBe(403);
    expect([(await from('127.0.0.2', '/health')).status, (await from('127.0.0.4', MESSAGES, { authorization: `Bearer ${token}` })).status]).toEqual([200, 200]);
    expect(await lists([], ['127.0.0.1', '2001:db8::/32'])).toBe(200);
    await until('nobody else may', async () => (await from('127.0.0.4', MESSAGES)).status === 403, 5_000);
    expect((await from('127.0.0.1', MESSAGES, { authorization: `Bearer ${token}` })).status).toBe(200);
    expect(await lists([], [])).toBe(200);
    await until('everybody may', async () => (await from('127.0.0.4', MESSAGES)).status === 401, 5_000);
  });
});

describe('T86 whose allowance a request counts against', () => {
  it('T86 the user\'s, over 2 tokens, a session and 3 addresses; a key and a certificate have their own', async () => {
    const own = await WholeHouse.open({ env: { RATE_LIMIT_MINUTE: '60', RATE_LIMIT_HOUR: '1000' } });
    try {
      const id = await account(own, 'operator');
      const { access } = await signIn(own, id);
      const ways = [await own.token(id), await own.token(id), access];
      const seen: number[] = [];
      for (let i = 0; i < 61; i++) seen.push((await from(`127.0.0.${2 + (i % 3)}`, MESSAGES, { authorization: `Bearer ${ways[i % 3]!}` }, own)).status);
      expect(seen).toEqual([...Array.from({ length: 60 }, () => 200), 429]);
      const last = await own.bearer(ways[0]!)('GET', MESSAGES, { headers: { 'x-ratelimit-limit': '9999', 'x-forwarded-for': '192.0.2.1' } });
      expect([last.status, last.headers['x-ratelimit-limit'], last.headers['x-ratelimit-remaining'], last.headers['retry-after']]).toEqual([429, '60', '0', expect.stringMatching(/^\d+$/)]);
      const key = await own.showing({ 'x-api-key': (await apiKey(own, id)).text })('GET', MESSAGES);
      expect([key.status, key.headers['x-ratelimit-limit']]).toEqual([200, '10000']);
      expect(await status(await own.certified(id, 'operator' satisfies Role))).toBe(200);
      expect(await status(await own.signedIn('somebody-else'))).toBe(200);
    } finally { await own.close(); }
  }, 20_000);
});
