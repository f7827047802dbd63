/** Accounts over HTTP, as administrators and scripts see them; the first administrator; who may never be the last. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FIRST_ADMIN } from '#libs/identity/user/first-admin';
import { WholeHouse, type Client, type Reply } from './whole-house.js';

let whole: WholeHouse, admin: Client;
beforeAll(async () => {
  whole = await WholeHouse.open();
  admin = await whole.signedIn('ops', 'admin');
}, 30_000);
afterAll(() => whole.close());

const AT = '/api/v1/users';
let made = 0;
const create = async (over: Record<string, unknown> = {}): Promise<Reply> => admin('POST', AT, { body: { username: `person${++made}`, password: 'Passw0rd', ...over } });
/** The list has it: a list waits a quarter of a second for what its caller has done, and a machine that runs three servers may need more. */
const listed = (reply: Reply): Promise<void> => whole.seen('user-list', reply);
const events = async (id: string): Promise<string[]> => (await whole.house.engine.eventStore.read(`user-${id}`, 0, 100)).map((e) => e.type);
const all = async (): Promise<number> => (await whole.house.engine.eventStore.readAll(null, ['user-', 'name-'], 10_000)).events.length;
const field = ({ body }: Reply): string[] => (body.errors ?? []).map((e) => e.field);

describe('the first administrator', () => {
  it('T11 is made once, with a password that is shown once and stands nowhere', async () => {
    const password = whole.house.generatedPassword!;
    expect(password).toMatch(/^[A-Za-z0-9]{16,}$/);
    const id = (await whole.house.accounts.find(FIRST_ADMIN))!;
    expect(await whole.house.accounts.checkPassword(id, password)).toBe(true);
    expect(await whole.house.accounts.state(id)).toMatchObject({ role: 'admin', mustChange: true, origin: 'first-start' });
    const log = JSON.stringify((await whole.house.engine.eventStore.readAll(null, [], 10_000)).events);
    expect(log).not.toContain(password);
    expect((await admin('GET', AT)).text).not.toContain(password);
  });
});

describe('an administrator', () => {
  it('makes an account, finds it, changes it, and deletes it', async () => {
    const reply = await create({ username: 'Ada', email: 'ada@example.com', full_name: 'Ada Lovelace', role: 'operator' });
    const { status, body: { id }, headers } = reply;
    expect([status, id]).toEqual([201, expect.stringMatching(/^usr_[0-9a-f]{32}$/)]);
    expect(headers['x-heliograph-position']).toBeTruthy();
    await listed(reply);
    for (const search of ['ad', 'ADA@', 'ada l', 'love']) expect([search, (await admin('GET', `${AT}?search=${encodeURIComponent(search)}`)).body['users']]).toEqual([search, [expect.objectContaining({ id, username: 'Ada', email: 'ada@example.com', full_name: 'Ada Lovelace', role: 'operator', status: 'active', must_change_password: true })]]);
    expect((await admin('PATCH', `${AT}/${id}`, { body: { username: 'ada.lovelace' } })).body).toMatchObject({ username: 'ada.lovelace', email: 'ada@example.com' });
    expect((await admin('POST', `${AT}/${id}/role`, { body: { role: 'user' } })).body).toMatchObject({ role: 'user' });
    expect((await admin('POST', `${AT}/${id}/disable`, { body: { reason: 'on leave' } })).body).toMatchObject({ status: 'disabled' });
    expect((await admin('POST', `${AT}/${id}/enable`)).body).toMatchObject({ status: 'active' });
    expect((await admin('POST', `${AT}/${id}/sign-out`)).status).toBe(200);
    const gone = await admin('DELETE', `${AT}/${id}`);
    expect([gone.body, typeof gone.headers['x-heliograph-position']]).toEqual([{ id, deleted: true }, 'string']);
    await listed(gone);
    expect((await admin('GET', `${AT}/${id}`)).status).toBe(404);
    expect((await admin('GET', `${AT}?search=ada`)).body['users']).toEqual([]);
    expect(await events(id)).toEqual(['UserRegistered', 'UserProfileChanged', 'UserRoleChanged', 'UserDisabled', 'UserEnabled', 'UserSignedOut', 'UserDeleted']);
    expect((await create({ username: 'ADA.LOVELACE', email: 'ada@example.com' })).status).toBe(201);
  });
  it('makes one account of a repeated request, and hears of a changed one', async () => {
    const headers = { 'idempotency-key': 'people-1' };
    const body = { username: 'repeated', password: 'Passw0rd', full_name: 'Re Peated' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => admin('POST', AT, { body, headers })));
    expect(new Set(answers.map((a) => `${a.status} ${a.text}`)).size).toBe(1);
    expect([answers[0]!.status, answers.filter((a) => a.headers['idempotency-replayed'] === undefined).length]).toEqual([201, 1]);
    expect((await admin('POST', AT, { body: { ...body, password: 'Passw0rd2' }, headers })).status).toBe(422);
    await admin('PATCH', `${AT}/${answers[0]!.body.id}`, { body: { username: 'renamed' } });
    expect((await admin('POST', AT, { body, headers })).text).toBe(answers[0]!.text);
    expect((await create({ username: 'repeated' })).status).toBe(201);
  });
  it('pages through the list, in order', async () => {
    for (let i = 0; i < 5; i++) await listed(await create());
    const seen: string[] = [];
    for (let after = ''; ;) {
      const { body } = await admin('GET', `${AT}?limit=2${after}`);
      seen.push(...(body['users'] as { username: string }[]).map((u) => u.username.toLowerCase()));
      if (body.next === null) break;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    expect(seen).toEqual([...seen].sort());
    expect(new Set(seen).size).toBe(seen.length);
    const { body } = await admin('GET', '/admin/users?per_page=2&page=2');
    expect([body['total'], body['page'], body['pages'], (body['users'] as unknown[]).length]).toEqual([seen.length, 2, Math.ceil(seen.length / 2), 2]);
  });
  it('sets a password that its person must change; T07 of the rule', async () => {
    const { body: { id } } = await create();
    const before = await all();
    for (const password of ['Short1a', 'alllower1', `A1${'a'.repeat(127)}`]) expect([password.length, (await admin('POST', `${AT}/${id}/password`, { body: { password } })).status]).toEqual([password.length, 422]);
    const big = await admin('POST', `${AT}/${id}/password`, { raw: JSON.stringify({ password: 'A1'.repeat(500_000) }) });
    expect([big.status, await all()]).toEqual([413, before]);
    expect((await admin('POST', `${AT}/${id}/password`, { body: { password: 'Changed1' } })).body).toMatchObject({ must_change_password: true });
    expect(await whole.house.accounts.checkPassword(id, 'Changed1')).toBe(true);
  });
  it('T10 hears what is taken, and what no name is', async () => {
    await create({ username: 'administrator' });
    const before = await all();
    for (const username of ['ADMINISTRATOR', 'ａｄｍｉｎｉｓｔｒａｔｏｒ']) expect([username, (await create({ username })).status]).toEqual([username, 409]);
    for (const username of ['аdministrator', 'ad\u200Bmin', 'admin\u202E', 'admin ', '__proto__', '..', 'x'.repeat(65)]) {
      const answer = await create({ username });
      expect([username, answer.status, field(answer)]).toEqual([username, 422, ['username']]);
    }
    expect(await all()).toBe(before);
    const both = await Promise.all([create({ username: 'both' }), create({ username: 'both' })]);
    expect(both.map((a) => a.status).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([201, 409]);
  });
  it('T23 T24 sends what is known, in its type', async () => {
    const { body: { id } } = await create();
    const before = await all();
    for (const extra of ['isAdmin', 'owner_id', 'tenant_id', 'status', 'created_at', 'must_change_password', 'version', 'position']) expect([extra, field(await create({ [extra]: 'x' }))]).toEqual([extra, [extra]]);
    for (const [name, value] of [['password', { $ne: null }], ['email', ['a@example.com']], ['username', 1], ['role', 'root']] as const) expect([name, field(await create({ [name]: value }))]).toEqual([name, expect.arrayContaining([name])]);
    for (const body of [{ role: 'admin' }, { id: 'usr_1' }, {}]) expect((await admin('PATCH', `${AT}/${id}`, { body })).status).toBe(422);
    for (const query of ['status[$gt]=', 'status=a&status=b', 'search[$where]=sleep(5000)', 'sort=$natural', 'limit=1e1', 'role=root']) expect([query, (await admin('GET', `${AT}?${query}`)).status]).toEqual([query, 422]);
    for (const wrong of ['true', '1', '{}', "' OR 1=1--", 'usr_0']) expect([wrong, (await admin('GET', `${AT}/${encodeURIComponent(wrong)}`)).status]).toEqual([wrong, 404]);
    expect(await all()).toBe(before);
  });
});

describe('an administrator\'s office', () => {
  it('T11 is not one\'s own to end, nor the last one; of two who end each other\'s at once one stays', async () => {
    const signedIn = async (username: string): Promise<{ id: string; client: Client }> => {
      const reply = await create({ username, role: 'admin' }), { id } = reply.body;
      await listed(reply);
      return { id, client: whole.bearer((await admin('POST', `${AT}/${id}/regenerate-token`)).body['token'] as string) };
    };
    const first = (await whole.house.accounts.find(FIRST_ADMIN))!;
    const [a, b] = [await signedIn('office-a'), await signedIn('office-b')];
    for (const { id } of (await admin('GET', `${AT}?role=admin&status=active`)).body['users'] as { id: string }[]) {
      if (id !== a.id && id !== b.id) expect((await admin('POST', `${AT}/${id}/disable`, { body: { reason: 'for this test' } })).status).toBe(200);
    }
    const before = await all();
    for (const [method, path, body] of [['POST', 'disable', {}], ['POST', 'role', { role: 'user' }], ['DELETE', '', undefined]] as const) {
      const answer = await a.client(method, `${AT}/${a.id}${path && `/${path}`}`, body ? { body } : {});
      expect([path, answer.status, answer.body['code']]).toEqual([path, 409, 'last_admin']);
    }
    for (const path of ['toggle', 'delete']) expect([path, (await a.client('POST', `/admin/users/${a.id}/${path}`)).status]).toEqual([path, 409]);
    expect(await all()).toBe(before);
    const answers = await Promise.all([a.client('POST', `${AT}/${b.id}/role`, { body: { role: 'user' } }), b.client('DELETE', `${AT}/${a.id}`)]);
    expect(answers.filter((x) => x.status === 200)).toHaveLength(1);
    await listed(answers.find((x) => x.status === 200)!);
    expect(answers.filter((x) => x.status !== 200).map((x) => x.status === 409 || x.status === 403 || x.status === 401)).toEqual([true]);
    expect((await admin('GET', `${AT}?role=admin&status=active`)).body['users']).toHaveLength(1);
    expect((await admin('POST', `${AT}/${first}/enable`)).status).toBe(200);
  });
});

describe('the panel\'s addresses (S3)', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  it('take JSON and forms', async () => {
    const json = await admin('POST', '/admin/users/create', { body: { username: 'panel', password: 'Passw0rd', is_admin: true } });
    expect([json.status, json.body['role']]).toEqual([201, 'admin']);
    const sent = await admin('POST', '/admin/users/create', { raw: 'username=formed&password=Passw0rd&is_admin=on', headers: form });
    expect([sent.status, sent.headers['location'], sent.text]).toEqual([303, '/admin/users', '']);
    const id = (await whole.house.accounts.find('formed'))!;
    expect((await whole.house.accounts.state(id))!.role).toBe('admin');
    expect((await admin('POST', `/admin/users/${id}/toggle`, { headers: form })).status).toBe(303);
    expect((await whole.house.accounts.state(id))!.status).toBe('disabled');
    expect((await admin('POST', `/admin/users/${id}/toggle`, { body: {} })).body).toMatchObject({ status: 'active' });
    expect((await admin('POST', `/admin/users/${id}/password`, { raw: 'password=Changed1', headers: form })).status).toBe(303);
    for (const page of ['create', `${id}/password`, `${id}/delete`]) expect((await admin('GET', `/admin/users/${page}`)).body).toMatchObject({ method: 'POST', action: `/admin/users/${page}` });
    expect((await admin('POST', `/admin/users/${id}/delete`, { headers: form })).status).toBe(303);
    expect((await admin('GET', `/admin/users/${id}/delete`)).status).toBe(404);
  });
  it('answer 400 where a value is not acceptable', async () => {
    for (const raw of ['username=a b&password=Passw0rd', 'username=fine&password=weak', 'username=fine&password=Passw0rd&role=admin', 'username=fine&username=two&password=Passw0rd', 'username=%zz&password=Passw0rd']) {
      expect([raw, (await admin('POST', '/admin/users/create', { raw, headers: form })).status]).toEqual([raw, 400]);
    }
  });
  it('regenerate the token: the old ones open nothing, the new one does', async () => {
    const { body: { id } } = await create({ role: 'admin' });
    const first = (await admin('POST', `/admin/users/${id}/regenerate_token`)).body['token'] as string;
    expect((await whole.bearer(first)('GET', AT)).status).toBe(200);
    const second = (await admin('POST', `/admin/users/${id}/regenerate_token`, { headers: form })).body['token'] as string;
    expect([(await whole.bearer(first)('GET', AT)).status, (await whole.bearer(second)('GET', AT)).status]).toEqual([401, 200]);
  });
});

describe('the others (S4)', () => {
  it('are everybody but oneself, with id, username and full name', async () => {
    const { body: { id } } = await create({ username: 'me-myself' });
    const token = (await admin('POST', `${AT}/${id}/regenerate-token`)).body['token'] as string;
    const { status, body } = await whole.bearer(token)('GET', '/users');
    const users = body['users'] as { id: string }[];
    expect(status).toBe(200);
    expect(users.length).toBeGreaterThan(2);
    expect(users.map((u) => u.id)).not.toContain(id);
    for (const user of users) expect(Object.keys(user)).toEqual(['id', 'username', 'full_name']);
    // an S4 client shows the username: whoever has none is shown by his name, never by his address
    const byMail = await create({ username: undefined, email: 'nameless@example.com', full_name: 'Nora Less' });
    const again = (await whole.bearer(token)('GET', '/users', { headers: { 'x-heliograph-position': String(byMail.headers['x-heliograph-position']) } })).body['users'] as { id: string }[];
    expect(again.find((u) => u.id === byMail.body.id)).toEqual({ id: byMail.body.id, username: 'Nora Less', full_name: 'Nora Less' });
    for (const path of [AT, `${AT}/${id}`, '/admin/users']) expect((await whole.bearer(token)('GET', path)).status).toBe(403);
  });
});
