/** One's own account: password, sign-ins, sessions; a new password by mail; and what ends what, at once and on both ways in. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { WholeHouse, type Client, type Reply } from './whole-house.js';

let whole: WholeHouse, ahead = 0;
let n = 0;
beforeAll(async () => {
  const clock = { now: () => new Date(Date.now() + ahead), monotonic: () => performance.now(), after: (ms: number, call: () => void) => { const t = setTimeout(call, Math.min(ms, 0x7fff_ffff)); t.unref(); return () => clearTimeout(t); } };
  whole = await WholeHouse.open({ clock, env: { TRUSTED_PROXIES: '127.0.0.1', ADMIN_PASSWORD: 'YourSecurePassword123' } });
}, 30_000);
afterAll(() => whole.close());
beforeEach(() => { ahead = 0; });

const from = (headers: Record<string, string> = {}): Client => whole.showing({ 'x-forwarded-for': `198.51.100.${++n}`, ...headers });
const bearer = (token: unknown): Record<string, string> => ({ authorization: `Bearer ${String(token)}` });
const cookieOf = (reply: Reply): string => [reply.headers['set-cookie']].flat()[0]!.split(';')[0]!;
interface Person { id: string; email: string; password: string }
async function person(): Promise<Person> {
  const email = `person${++n}@example.com`, password = 'Passw0rd-first';
  const reply = await from()('POST', '/auth/register', { body: { name: 'Some Body', email, password } });
  expect(reply.status).toBe(201);
  return { id: String(reply.body['user_id']), email, password };
}
const login = ({ email, password }: Pick<Person, 'email' | 'password'>): Promise<Reply> => from()('POST', '/auth/login', { body: { email, password } });
/** Every way in that a sign-in gives. */
async function waysIn(who: Person): Promise<Record<string, Client>> {
  const reply = await login(who);
  expect(reply.status).toBe(200);
  return { access: from(bearer(reply.body['access_token'])), cookie: from({ cookie: cookieOf(reply) }), token: from(bearer(reply.body['token'])) };
}
const statuses = async (ways: Record<string, Client>): Promise<Record<string, number>> => Object.fromEntries(await Promise.all(Object.entries(ways).map(async ([name, client]) => [name, (await client('GET', '/auth/me')).status] as const)));
const refusedSoon = (ways: Record<string, Client>): Promise<void> => until('all refused', async () => Object.values(await statuses(ways)).every((s) => s === 401), 5_000);
const admin = async (): Promise<Client> => from(bearer((await from()('POST', '/api/auth/login', { body: { username: 'SMSadmin', password: 'YourSecurePassword123' } })).body['token']));

describe('T04 while an access token, a cookie and an API token are live', () => {
  const ENDS: [string, (who: Person, ways: Record<string, Client>) => Promise<unknown>][] = [
    ['password changed by an administrator', async ({ id }) => (await admin())('POST', `/api/v1/users/${id}/password`, { body: { password: 'Another-0ne' } })],
    ['user disabled', async ({ id }) => (await admin())('POST', `/api/v1/users/${id}/disable`, { body: {} })],
    ['user deleted', async ({ id }) => (await admin())('DELETE', `/api/v1/users/${id}`)],
  ];
  it.each(ENDS)('%s: the next call is 401, on every way in', async (_, end) => {
    const who = await person(), ways = await waysIn(who);
    expect(await statuses(ways)).toEqual({ access: 200, cookie: 200, token: 200 });
    const reply = await end(who, ways) as Reply;
    expect([reply.status, reply.text]).toEqual([expect.any(Number), expect.any(String)]);
    expect(reply.status).toBeLessThan(300);
    await refusedSoon(ways);
  }, 20_000);
  it('role removed: what needs it is 403, on every way in', async () => {
    const who = await person(), boss = await admin();
    expect((await boss('POST', `/api/v1/users/${who.id}/role`, { body: { role: 'admin' } })).status).toBe(200);
    const ways = await waysIn(who);
    const listed = async (): Promise<number[]> => Promise.all(Object.values(ways).map(async (client) => (await client('GET', '/api/v1/users')).status));
    expect(await listed()).toEqual([200, 200, 200]);
    expect((await boss('POST', `/api/v1/users/${who.id}/role`, { body: { role: 'user' } })).status).toBe(200);
    await until('all are 403', async () => (await listed()).every((status) => status === 403), 5_000);
    expect(await statuses(ways)).toEqual({ access: 200, cookie: 200, token: 200 });
  }, 20_000);
  it('logout: the session is over, and with it the API token that it gave; another sign-in goes on', async () => {
    const who = await person(), ways = await waysIn(who), elsewhere = await waysIn(who);
    expect((await ways['cookie']!('POST', '/auth/logout', { body: {} })).status).toBe(200);
    await refusedSoon(ways);
    expect(await statuses(elsewhere)).toEqual({ access: 200, cookie: 200, token: 200 });
    expect((await elsewhere['token']!('POST', '/auth/logout', { body: {} })).status).toBe(200);
    await refusedSoon({ token: elsewhere['token']! });
    expect(await statuses(elsewhere)).toEqual({ access: 200, cookie: 200, token: 401 });
  }, 20_000);
  it('an API token outlives the time of the session that gave it, not its end; one that an administrator made stands for itself', async () => {
    const who = await person(), ways = await waysIn(who);
    const made = (await (await admin())('POST', `/api/v1/users/${(await person()).id}/regenerate-token`, { body: {} })).body['token'];
    const own = from(bearer(made));
    expect(await statuses({ token: ways['token']!, own })).toEqual({ token: 200, own: 200 });
    ahead = 91 * 86_400_000;
    expect(await statuses({ ...ways, own })).toEqual({ access: 401, cookie: 401, token: 200, own: 200 });
  }, 20_000);
});

describe("one's own account", () => {
  it('S1 shows e-mail, client id, last login and when it was made', async () => {
    const who = await person(), { cookie } = await waysIn(who);
    expect((await cookie!('GET', '/api/v1/profile')).body).toEqual({
      id: who.id, client_id: who.id, username: null, email: who.email, full_name: 'Some Body', role: 'user', created_at: expect.stringMatching(/Z$/), last_login_at: expect.stringMatching(/Z$/), must_change_password: false,
    });
  }, 20_000);
  it('an owner without an account has neither password nor sign-ins', async () => {
    const client = await whole.signedIn('billing');
    expect((await client('GET', '/auth/me')).body).toMatchObject({ id: 'billing', username: 'billing', email: null });
    expect((await client('GET', '/api/v1/profile')).body).toMatchObject({ id: 'billing', created_at: null, last_login_at: null });
    expect((await client('GET', '/api/v1/profile/sign-ins')).body).toEqual({ sign_ins: [], next: null });
    expect((await client('GET', '/api/v1/profile/sessions')).body).toEqual({ sessions: [], next: null });
    expect((await client('DELETE', '/api/v1/profile/sessions')).status).toBe(403);
  });
  it('another password: everything from before ends, the answer holds what comes instead', async () => {
    const who = await person(), ways = await waysIn(who), next = 'Passw0rd-second';
    const change = (body: object): Promise<Reply> => ways['cookie']!('POST', '/api/v1/profile/password', { body });
    for (const [body, field] of [
      [{ current_password: who.password, new_password: next, confirm_password: 'other' }, 'confirm_password'], [{ current_password: who.password, new_password: who.password, confirm_password: who.password }, 'new_password'],
      [{ current_password: 'wrong', new_password: next, confirm_password: next }, 'current_password'], [{ current_password: who.password, new_password: 'alllower1', confirm_password: 'alllower1' }, 'new_password'],
    ] as const) {
      const refused = await change(body);
      expect([refused.status, [...new Set(refused.body.errors.map((e) => e.field))]]).toEqual([422, [field]]);
    }
    const done = await change({ current_password: who.password, new_password: next, confirm_password: next });
    expect([done.status, done.body['message']]).toEqual([200, 'Password changed']);
    await refusedSoon(ways);
    expect(await statuses({ cookie: from({ cookie: cookieOf(done) }), access: from(bearer(done.body['access_token'])), token: from(bearer(done.body['token'])) })).toEqual({ cookie: 200, access: 200, token: 200 });
    expect([(await login(who)).status, (await login({ ...who, password: next })).status]).toEqual([401, 200]);
  }, 20_000);
  it('an administrator changes his own here too, where the current one is asked for; S3\'s address goes on', async () => {
    const boss = await admin(), { id } = (await boss('GET', '/auth/me')).body;
    const refused = await boss('POST', `/api/v1/users/${id}/password`, { body: { password: 'Taken-0ver' } });
    expect([refused.status, refused.body['code'], refused.body.detail]).toEqual([403, 'forbidden', 'This is for the passwords of others. Change your own with POST /api/v1/profile/password, which asks for the current one.']);
    expect((await boss('GET', '/auth/me')).status).toBe(200);
    expect((await boss('POST', `/admin/users/${id}/password`, { body: { password: 'YourSecurePassword123' } })).status).toBe(200);
    await refusedSoon({ boss });
  }, 20_000);
  it('a password that an administrator set must be changed first', async () => {
    const who = await person();
    expect((await (await admin())('POST', `/api/v1/users/${who.id}/password`, { body: { password: 'Given-by-0ther' } })).status).toBeLessThan(300);
    const reply = await login({ ...who, password: 'Given-by-0ther' });
    expect(reply.body['must_change_password']).toBe(true);
    const cookie = from({ cookie: cookieOf(reply) });
    expect((await cookie('GET', '/api/v1/messages')).body).toMatchObject({ status: 403, code: 'password_change_required' });
    expect((await cookie('GET', '/auth/me')).body['must_change_password']).toBe(true);
    const done = await cookie('POST', '/api/v1/profile/password', { body: { current_password: 'Given-by-0ther', new_password: 'My-own-0ne', confirm_password: 'My-own-0ne' } });
    expect(done.body['must_change_password']).toBe(false);
    expect((await from({ cookie: cookieOf(done) })('GET', '/api/v1/messages')).status).toBe(200);
  }, 20_000);
  it('sessions: listed, ended one by one and all together; never those of somebody else', async () => {
    const who = await person(), first = await waysIn(who), second = await waysIn(who), other = await waysIn(await person());
    const list = async (client: Client) => (await client('GET', '/api/v1/profile/sessions')).body['sessions'] as { id: string; current: boolean; address: string }[];
    await until('both are listed', async () => (await list(first['cookie']!)).length === 2, 5_000);
    const mine = await list(first['cookie']!);
    expect(mine.filter((s) => s.current)).toHaveLength(1);
    const elsewhere = mine.find((s) => !s.current)!;
    expect((await other['cookie']!('DELETE', `/api/v1/profile/sessions/${elsewhere.id}`)).status).toBe(404);
    expect((await first['cookie']!('DELETE', '/api/v1/profile/sessions/ses_nobody')).status).toBe(404);
    expect((await first['cookie']!('DELETE', `/api/v1/profile/sessions/${elsewhere.id}`)).body).toEqual({ id: elsewhere.id, status: 'ended' });
    await refusedSoon(second);
    await until('one is left', async () => (await list(first['cookie']!)).length === 1, 5_000);
    expect((await first['cookie']!('DELETE', '/api/v1/profile/sessions')).status).toBe(200);
    await refusedSoon(first);
  }, 30_000);
  it('API tokens: listed, ended one by one; never those of somebody else, and never their texts', async () => {
    const who = await person(), first = await waysIn(who), second = await waysIn(who), other = await waysIn(await person());
    type Token = { id: string; current: boolean; session: string; state: string };
    const list = async (client: Client) => (await client('GET', '/api/v1/profile/tokens')).body['tokens'] as Token[];
    await until('both are listed', async () => (await list(first['token']!)).length === 2, 5_000);
    const reply = await first['token']!('GET', '/api/v1/profile/tokens'), mine = reply.body['tokens'] as Token[];
    expect(reply.text).not.toContain('hgt_');
    expect(mine.map((t) => [t.current, t.state])).toEqual(expect.arrayContaining([[true, 'active'], [false, 'active']]));
    expect(Object.keys(mine[0]!).sort()).toEqual(['created_at', 'current', 'expires_at', 'id', 'revoked_at', 'role', 'session', 'state']);
    const elsewhere = mine.find((t) => !t.current)!, here = mine.find((t) => t.current)!;
    for (const id of [elsewhere.id, 'nobody', elsewhere.id.toUpperCase(), '0'.repeat(32)]) expect((await other['cookie']!('DELETE', `/api/v1/profile/tokens/${id}`)).status).toBe(404);
    expect((await first['cookie']!('DELETE', `/api/v1/profile/tokens/${elsewhere.id}`)).body).toMatchObject({ id: elsewhere.id, state: 'revoked', revoked_at: expect.stringMatching(/Z$/) });
    await refusedSoon({ token: second['token']! });
    expect(await statuses(second)).toEqual({ access: 200, cookie: 200, token: 401 });
    expect((await first['cookie']!('DELETE', `/api/v1/profile/sessions/${here.session}`)).status).toBe(200);
    await refusedSoon(first);
    await until('both are over', async () => JSON.stringify((await list(second['cookie']!)).map((t) => t.state).sort()) === '["ended","revoked"]', 5_000);
  }, 30_000);
  it('sign-ins are paged, with a mark that only the same list takes back', async () => {
    const who = await person(), { token } = await waysIn(who);
    await Promise.all([1, 2, 3].map(() => login(who)));
    const page = async (query: string) => (await token!('GET', `/api/v1/profile/sign-ins${query}`)).body as unknown as { sign_ins: { id: string }[]; next: string | null };
    await until('all are there', async () => (await page('')).sign_ins.length === 4, 5_000);
    const first = await page('?limit=3'), second = await page(`?limit=3&after=${first.next}`);
    expect([...first.sign_ins, ...second.sign_ins].map((s) => s.id)).toEqual((await page('')).sign_ins.map((s) => s.id));
    expect((await token!('GET', `/api/v1/profile/sessions?after=${first.next}`)).body['code']).toBe('invalid_cursor');
  }, 20_000);
});

describe('T08 a new password by mail', () => {
  const ask = async (email: string, headers: Record<string, string> = {}): Promise<void> => { expect((await from(headers)('POST', '/auth/password/forgot', { body: { email } })).status).toBe(202); };
  const mailsTo = (email: string): string[] => whole.mock.mails().filter((m) => m.to.includes(email)).map((m) => m.text);
  const tokenOf = (text: string): string => /token=([\w.-]+)/.exec(text)![1]!;
  const asked = async (email: string, count = 1, headers: Record<string, string> = {}): Promise<string> => {
    await ask(email, headers);
    await until('the mail is there', () => mailsTo(email).length === count, 5_000);
    return tokenOf(mailsTo(email).at(-1)!);
  };
  const reset = (token: string, password = 'Passw0rd-reset'): Promise<Reply> => from()('POST', '/auth/password/reset', { body: { token, new_password: password } });
  const events = (id: string): Promise<string[]> => whole.house.engine.eventStore.read(`user-${id}`, 0, 100).then((all) => all.map((e) => e.type));

  it('arrives, works once, ends all sessions; a second use is 422 and no event', async () => {
    const who = await person(), ways = await waysIn(who);
    const token = await asked(who.email);
    await until('told', async () => (await events(who.id)).at(-1) === 'PasswordResetMailEnded', 5_000);
    expect(await events(who.id)).toEqual(['UserRegistered', 'PasswordResetRequested', 'PasswordResetMailStarted', 'PasswordResetMailEnded']);
    const weak = await reset(token, 'alllower1');
    expect([weak.status, weak.body.errors.map((e) => e.field)]).toEqual([422, ['new_password']]);
    expect((await reset(token)).body).toEqual({ success: true, message: expect.any(String), redirect: '/login' });
    await refusedSoon(ways);
    expect((await login({ ...who, password: 'Passw0rd-reset' })).status).toBe(200);
    const before = await events(who.id);
    expect((await reset(token, 'Passw0rd-again')).body).toMatchObject({ status: 422, code: 'invalid_reset' });
    expect(await events(who.id)).toEqual(before);
  }, 20_000);
  it('used 31 min later; an older link after a newer one; of another user: 422', async () => {
    const who = await person(), other = await person();
    const older = await asked(who.email), newer = await asked(who.email, 2), hers = await asked(other.email);
    expect(new Set([older, newer, hers]).size).toBe(3);
    const [user, id, mac] = newer.split('.') as [string, string, string];
    for (const token of [older, `${hers.split('.')[0]}.${id}.${mac}`, `${user}.${hers.split('.')[1]}.${mac}`, `${user}.${id}.${mac.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))}`, '', 'x']) {
      expect((await reset(token)).status).toBe(422);
    }
    ahead = 31 * 60_000;
    expect((await reset(newer)).body['code']).toBe('invalid_reset');
    ahead = 0;
    expect((await reset(newer)).status).toBe(200);
  }, 20_000);
  it('the link leads to the public URL alone, whatever the request said; the token is in no event', async () => {
    const who = await person();
    const token = await asked(who.email, 1, { host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' });
    expect(/https?:\/\/[^\s?]+/.exec(mailsTo(who.email)[0]!)![0]).toMatch(/^http:\/\/localhost:\d+\/auth\/password\/reset$/);
    const log = JSON.stringify(await whole.house.engine.eventStore.read(`user-${who.id}`, 0, 100));
    expect(log).not.toContain(token.split('.')[2]);
  }, 20_000);
  it('the page of the link says nothing to other sites, and a form gets there too', async () => {
    const who = await person(), token = await asked(who.email);
    const page = await from()('GET', `/auth/password/reset?token=${token}`);
    expect([page.status, page.headers['referrer-policy'], page.text.includes(`value="${token}"`)]).toEqual([200, 'no-referrer', true]);
    expect(page.headers['content-security-policy']).toContain("form-action 'self'");
    const form = (fields: Record<string, string>): Promise<Reply> => from()('POST', '/auth/password/reset', { raw: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    const unlike = await form({ token, new_password: 'Passw0rd-form', confirm_password: 'Passw0rd-other' });
    expect([unlike.status, unlike.text.includes('role="alert"'), unlike.headers['referrer-policy']]).toEqual([422, true, 'no-referrer']);
    expect((await form({ token, new_password: 'Passw0rd-form', confirm_password: 'Passw0rd-form' })).status).toBe(200);
    expect((await login({ ...who, password: 'Passw0rd-form' })).status).toBe(200);
  }, 20_000);
  it('nobody has the address, or the account is disabled: no mail, no event', async () => {
    const gone = await person();
    await (await admin())('POST', `/api/v1/users/${gone.id}/disable`, { body: {} });
    const before = whole.mock.mails().length;
    await ask(gone.email);
    await ask('nobody-there@example.com');
    const after = await person();
    await asked(after.email);
    expect(whole.mock.mails().length).toBe(before + 1);
    expect((await events(gone.id)).includes('PasswordResetRequested')).toBe(false);
  }, 20_000);
});
