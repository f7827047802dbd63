/** Rows T23 and T30 to T33: what a client must not set; what is somebody else's, named in a query, a body or a page mark; what is for administrators alone; what the others may know of one. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openApiDocument } from '#apps/api/openapi';
import { permittedRoutes, type PermittedRoute } from '#apps/api/permissions-page';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { accessOf } from '#libs/identity/access';
import { apiKey, person, signIn, type Kind, type Person } from '../journeys/principals.js';
import { WholeHouse, type Client, type Reply } from '../journeys/whole-house.js';

const MESSAGES = '/api/v1/messages';
let whole: WholeHouse, document: Awaited<ReturnType<typeof openApiDocument>>, routes: PermittedRoute[];
let a: Person, b: Person, admin: Person, user: Person;
beforeAll(async () => {
  whole = await WholeHouse.open();
  [document, routes] = [await openApiDocument(), await permittedRoutes()];
  [a, b, admin, user] = [await person(whole, 'operator'), await person(whole, 'operator'), await person(whole, 'admin'), await person(whole, 'user')];
}, 30_000);
afterAll(() => whole.close());

const by = (who: Person, kind: Kind = 'api-token'): Client => who.as[kind];
const told = ({ status, body }: Reply): string => `${status} ${String(body['code'])}`;
/** Events that tell of somebody's things: what keys were used for is told apart, and later. */
const CATEGORIES = ['message-', 'batch-', 'credential-', 'session-', 'user-', 'name-', 'settings-', 'look-'];
const written = async (categories = CATEGORIES): Promise<number> => (await whole.house.engine.eventStore.readAll(null, categories, 100_000)).events.length;
let numbers = 0;
const message = async (who: Person, over: object = {}): Promise<string> => {
  const { status, body } = await by(who)('POST', MESSAGES, { body: { to: `+1555123${String(++numbers).padStart(4, '0')}`, body: 'mine', send_at: '2099-01-01T00:00:00Z', ...over } });
  expect(status).toBe(202);
  return body.id;
};
const key = async (who: Person): Promise<string> => `key_${(await apiKey(whole, who.id, ['messages:read'])).id}`;

/** Every paged list: how its first owner gets two rows into it and asks for it. `admins`: for administrators, who all see the same. */
interface Paged { owner: () => Person; make(who: Person): Promise<unknown>; id?: (who: Person) => Promise<string>; admins?: true }
const twice = (make: (who: Person) => Promise<unknown>) => async (who: Person): Promise<void> => { await make(who); await make(who); };
const setting = twice(async () => { expect((await by(admin)('PUT', '/api/v1/settings', { body: { general: { organisation: `House ${++numbers}` } } })).status).toBe(200); });
const LISTS: Record<string, Paged> = {
  [MESSAGES]: { owner: () => a, make: twice(message) },
  '/api/v1/messages/{id}/events': { owner: () => a, make: async () => {}, id: async (who) => { const id = await message(who); await by(who)('POST', `${MESSAGES}/${id}/cancel`); return id; } },
  '/api/v1/messages/{id}/looks': { owner: () => a, make: async () => {}, id: async (who) => { const id = await message(who); for (const _ of [1, 2]) await by(admin)('GET', `${MESSAGES}/${id}`); return id; } },
  '/api/v1/api-keys': { owner: () => a, make: twice(key) },
  '/api/v1/api-keys/{id}/usage': {
    owner: () => a, make: async () => {}, id: async (who) => {
      const { id, text } = await apiKey(whole, who.id, ['messages:read']);
      for (const _ of [1, 2]) await whole.showing({ 'x-api-key': text })('GET', MESSAGES);
      return `key_${id}`;
    },
  },
  '/api/v1/profile/certificates': { owner: () => a, make: twice((who) => whole.certificate(who.id)) },
  '/api/v1/profile/sessions': { owner: () => a, make: twice((who) => signIn(whole, who.id)) },
  '/api/v1/profile/sign-ins': { owner: () => a, make: twice((who) => signIn(whole, who.id)) },
  '/api/v1/profile/tokens': { owner: () => a, make: twice((who) => whole.token(who.id, who.role)) },
  '/users': { owner: () => a, make: async () => {} },
  '/api/v1/users': { owner: () => admin, make: async () => {}, admins: true },
  '/api/v1/certificates': { owner: () => admin, make: async () => {}, admins: true },
  '/api/v1/settings/audit': { owner: () => admin, make: setting, admins: true },
};
const parametersOf = (path: string): string[] => ((document.paths[path]?.['get'] as { parameters?: { in: string; name: string }[] } | undefined)?.parameters ?? []).filter((p) => p.in === 'query').map((p) => p.name);

describe('T31 a list', () => {
  it('every paged list is looked at here', () => {
    expect(Object.keys(document.paths).filter((path) => parametersOf(path).includes('after')).toSorted()).toEqual(Object.keys(LISTS).toSorted());
  });
  it.each(Object.keys(LISTS))('T31 %s: a cursor of A\'s replayed by B, or with one byte changed, is refused', async (path) => {
    const { owner, make, id, admins } = LISTS[path]!;
    await make(owner());
    const at = id ? path.replace('{id}', await id(owner())) : path;
    let next: string | null = null;
    await until('there are two pages', async () => (next = (await by(owner())('GET', `${at}?limit=1`)).body.next) !== null, 6_000);
    const cursor = next as unknown as string;
    const page = (who: Person, after: string): Promise<Reply> => by(who)('GET', `${at}?limit=1&after=${encodeURIComponent(after)}`);
    expect((await page(owner(), cursor)).status).toBe(200);
    const asOther = await page(admins ? a : b, cursor);
    expect(told(asOther)).toBe(admins ? '403 forbidden' : id ? '404 not_found' : '422 invalid_cursor');
    for (let i = 0; i < cursor.length; i += 3) {
      const flipped = `${cursor.slice(0, i)}${cursor[i] === 'A' ? 'B' : 'A'}${cursor.slice(i + 1)}`;
      expect([i, told(await page(owner(), flipped))]).toEqual([i, '422 invalid_cursor']);
    }
    expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain(owner().id);
    // nor does another list of the same owner's take it
    const other = path === MESSAGES ? '/api/v1/api-keys' : MESSAGES;
    expect(told(await by(owner())('GET', `${other}?after=${encodeURIComponent(cursor)}`))).toBe('422 invalid_cursor');
  }, 20_000);
  it('T31 has no filter of the owner\'s: ?owner_id=A, ?client_id=*, ?all=true are no words it knows', async () => {
    const wrong: string[] = [];
    for (const { path, permission } of routes.filter(({ method, path: p }) => method === 'GET' && parametersOf(p).length > 0 && !p.startsWith('/auth/password'))) {
      const asking = accessOf(permission)?.roles.includes('operator') ? b : admin;
      for (const query of [`owner_id=${a.id}`, 'client_id=*', 'all=true']) {
        const { status, body } = await by(asking)('GET', `${path.replace('{id}', 'nothing')}?${query}`);
        const named = (body.errors ?? []).map((e) => e.field).includes(query.split('=')[0]!);
        if (!named || status !== (/^\/(admin\/)?users/.test(path) ? 400 : 422)) wrong.push(`${path}?${query}: ${status} ${JSON.stringify(body)}`);
      }
    }
    expect(wrong).toEqual([]);
  });
  it('T31 B sees his own rows alone, whatever of A\'s he searches for: number, batch, owner', async () => {
    const number = '+15559998877';
    const [theirs, mine] = [await message(a, { to: number }), await message(b)];
    const batch = (await by(a)('POST', `${MESSAGES}/batch`, { body: { messages: [{ to: number, body: 'x', send_at: '2099-01-01T00:00:00Z' }] } })).body.batch;
    const listed = async (query: string): Promise<string[]> => (await by(b)('GET', `${MESSAGES}${query}`)).body.messages.map(({ id }) => id);
    expect(await listed('')).toContain(mine);
    expect(await listed('')).not.toContain(theirs);
    expect(await listed(`?sender=${encodeURIComponent(number)}`)).toEqual([]);
    expect(await listed(`?batch=${batch}`)).toEqual([]);
    expect((await by(a)('GET', `${MESSAGES}?batch=${batch}`)).body.messages).toHaveLength(1);
    // a number that nobody has, and one of somebody else's: the same bytes, without a count
    const [unknown, others] = [await by(b)('GET', `${MESSAGES}?sender=%2B15550000001`), await by(b)('GET', `${MESSAGES}?sender=${encodeURIComponent(number)}`)];
    expect(others.text).toBe(unknown.text);
    expect(Object.keys(others.body)).toEqual(['messages', 'next']);
    await key(a);
    const keys = await by(b)('GET', `/api/v1/api-keys?owner=${a.id}`);
    expect([keys.status, keys.body]).toEqual([200, { api_keys: [], next: null }]);
    expect((await by(a)('GET', `/api/v1/api-keys?owner=${a.id}`)).body['api_keys']).not.toEqual([]);
  });
});

describe('T30 ids of others in bodies', () => {
  /** The fields of all bodies whose name could be somebody's or something's. */
  const naming = (): string[] => Object.entries(document.components.schemas as Record<string, { properties?: Record<string, unknown> }>)
    .filter(([name]) => Object.values(document.paths).some((methods) => JSON.stringify(Object.values(methods).map((o) => (o as { requestBody?: unknown }).requestBody ?? null)).includes(`schemas/${name}"`)))
    .flatMap(([name, { properties = {} }]) => Object.keys(properties).filter((field) => /(^|_)(ids?|owner|serial|key|token|user|client|batch|members?|contacts?|reply_to)$/.test(field)).map((field) => `${name}.${field}`)).toSorted();
  it('no other body names a thing or an owner: a new one is looked at here', () => {
    expect(naming()).toEqual(['IssueCertificate.owner', 'Refresh.refresh_token', 'ResetPassword.token', 'VerifyApiKey.key']);
  });
  const FIELDS = ['owner', 'owner_id', 'sender_id', 'user_id', 'batch', 'reply_to', 'template_id', 'media_ids', 'selected_contacts', 'member_ids', 'webhook_id'];
  it.each(FIELDS)('T30 %s of A\'s in B\'s message, batch or key: 422 naming it, nothing stored', async (field) => {
    const id = await message(a);
    const before = await written();
    const value = field.endsWith('s') ? [id] : field.endsWith('owner') || field === 'owner_id' ? a.id : id;
    const native = { to: '+15550002222', body: 'x', [field]: value };
    const fields = (reply: Reply): string[] => reply.body.errors.map((e) => e.field);
    const sent = await by(b)('POST', MESSAGES, { body: native });
    expect([sent.status, fields(sent)]).toEqual([422, [field]]);
    const keyed = await by(b)('POST', '/api/v1/api-keys', { body: { name: 'x', scopes: ['messages:read'], expires_in_days: 1, [field]: value } });
    expect([keyed.status, fields(keyed)]).toEqual([422, [field]]);
    expect(await written()).toBe(before);
    const { body: { results } } = await by(b)('POST', `${MESSAGES}/batch`, { body: { messages: [{ to: '+15550002222', body: 'y', send_at: '2099-01-01T00:00:00Z' }, native] } });
    expect(results.map(({ index, status }) => [index, status])).toEqual([[0, 202], [1, 422]]);
    expect(results[1]!.problem!['errors']).toEqual([expect.objectContaining({ field })]);
    await until('the good one is there', async () => (await by(b)('GET', `${MESSAGES}?batch=${results[0]!.message.id.split('.')[0]!}`)).body.messages.length === 1);
  });
  it('T30 a certificate for somebody else, a gateway that is called like him, and a key that somebody has not the text of', async () => {
    const shown = await key(a), credentials = ['credential-'];
    const before = await written(credentials);
    expect((await by(b)('POST', '/api/v1/certificates', { body: { owner: a.id } })).status).toBe(403);
    for (const text of [shown, shown.slice(4), `hgk_${shown.slice(4)}`]) {
      expect((await by(b)('POST', '/api/v1/api-keys/verify', { body: { key: text } })).body).toMatchObject({ valid: false, reason: 'invalid_api_key', id: null, owner: null, name: null });
    }
    expect(await written(credentials)).toBe(before);
    const gateway = await by(b)('POST', MESSAGES, { body: { to: '+15550002222', body: 'x', gateway: a.id } });
    expect([gateway.status, gateway.body.errors.map((e) => e.field)]).toEqual([422, ['gateway']]);
  });
});

describe('T23 fields that a client must not set', () => {
  /** Where such a field is what the request is about: a wrong value is refused by its name too. */
  const MEANT = ['/api/v1/users role', '/api/v1/users/{id}/role role', '/api/v1/certificates role', '/api/v1/api-keys scopes', '/api/v1/api-keys/verify scopes'];
  const FIELDS = ['role', 'isAdmin', 'owner_id', 'tenant_id', 'status', 'created_at', 'attempts', 'scopes', 'version', 'position'];
  it('T23 every body of every route, sign-up, profile and key among them, names each that it does not know; no event', async () => {
    const bodies = routes.filter(({ method, path }) => JSON.stringify(document.paths[path]![method.toLowerCase()]).includes('"requestBody"'));
    expect(bodies.map(({ path }) => path)).toEqual(expect.arrayContaining(['/auth/signup', '/auth/register', '/api/v1/profile/password', '/api/v1/api-keys', '/api/v1/users', '/api/v1/users/{id}', '/api/v1/settings', MESSAGES]));
    const wrong: string[] = [], before = await written();
    for (const { method, path, permission } of bodies) {
      const asking = accessOf(permission) ? by(admin, 'access-token') : whole.showing({});
      for (const field of FIELDS) {
        const { status, body } = await asking(method, path.replace('{id}', user.id).replace('{serial}', '0'.repeat(32)), { body: { [field]: 'x' } });
        const said = (body.errors ?? []).find((e) => e.field === field) as { message?: string } | undefined;
        if (![400, 422].includes(status) || !said || (!/should not exist|not a known field/.test(String(said.message)) && !MEANT.includes(`${path} ${field}`))) wrong.push(`${method} ${path} ${field}: ${status} ${JSON.stringify(body.errors ?? body)}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await written()).toBe(before);
  }, 20_000);
});

describe('T32 what is for administrators', () => {
  it.each([['ordinary user', (): Person => user], ['support user', (): Person => b]] as const)('T32 %s on every route of theirs: 403 and no event', async (_, who) => {
    const theirs = routes.filter(({ permission }) => accessOf(permission)?.roles.join() === 'admin' && permission !== 'operations');
    expect(theirs.length).toBeGreaterThan(30);
    expect(theirs.map(({ path }) => path)).toEqual(expect.arrayContaining(['/admin/users', '/api/v1/users/{id}/regenerate-token', '/api/v1/settings', '/api/v1/settings/audit', '/api/v1/certificates']));
    const before = await written();
    const wrong: string[] = [];
    for (const { method, path } of theirs) {
      const reply = await by(who())(method, path.replace('{id}', a.id).replace('{serial}', '0'.repeat(32)).replace('{category}', 'email'), method === 'GET' || method === 'DELETE' ? {} : { body: {} });
      if (told(reply) !== '403 forbidden') wrong.push(`${method} ${path}: ${told(reply)}`);
    }
    expect(wrong).toEqual([]);
    expect(await written()).toBe(before);
  });
  it('T32 other users\' keys are not there', async () => {
    const id = await key(a), before = await written();
    for (const [method, path] of [['GET', ''], ['GET', '/usage'], ['GET', '/analytics'], ['DELETE', '']] as const) expect(told(await by(b)(method, `/api/v1/api-keys/${id}${path}`))).toBe('404 not_found');
    expect(told(await by(user)('GET', '/api/v1/api-keys'))).toBe('403 forbidden');
    expect(await written()).toBe(before);
  });
  it('T32 a role claim edited in a token, or added to it, is no token', async () => {
    const { access } = await signIn(whole, user.id);
    const [head, body, signature] = access.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    expect(JSON.stringify(claims)).not.toMatch(/role|user"|operator|admin/);
    const edited = Buffer.from(JSON.stringify({ ...claims, role: 'admin' })).toString('base64url');
    const asAdmin = Buffer.from(JSON.stringify({ ...claims, sub: admin.id })).toString('base64url');
    for (const text of [edited, asAdmin]) for (const path of ['/api/v1/users', MESSAGES]) expect(told(await whole.bearer(`${head}.${text}.${signature}`)('GET', path))).toBe('401 invalid_token');
    expect((await whole.bearer(access)('GET', MESSAGES)).status).toBe(200);
  });
  it('T32 a role removed one second before is gone, with the token that was made while it was held', async () => {
    const boss = await person(whole, 'admin');
    expect((await by(boss, 'access-token')('GET', '/api/v1/users')).status).toBe(200);
    expect((await by(admin)('POST', `/api/v1/users/${boss.id}/role`, { body: { role: 'user' } })).status).toBe(200);
    await until('it is 403', async () => (await by(boss, 'access-token')('GET', '/api/v1/users')).status === 403, 1_000);
    for (const kind of Object.keys(boss.as) as Kind[]) expect([kind, (await by(boss, kind)('GET', '/api/v1/users')).status]).toEqual([kind, 403]);
  });
});

describe('T33 what the others may know', () => {
  const found = async (query = ''): Promise<Record<string, unknown>[]> => (await by(user)('GET', `/users${query}`)).body['users'] as Record<string, unknown>[];
  const create = async (body: object): Promise<string> => {
    const reply = await by(admin)('POST', '/api/v1/users', { body: { password: 'Passw0rd', ...body } });
    expect(reply.status).toBe(201);
    return reply.body.id;
  };
  it('T33 GET /users tells id, username and full_name of active accounts, nothing else, in no page mark either', async () => {
    const email = 'zoe.hidden@example.com';
    const ids = [await create({ email, full_name: 'Zoe Quill' }), await create({ username: 'zoe-off', full_name: 'Zoe Off' }), await create({ username: 'zoe-gone', full_name: 'Zoe Gone' })];
    await until('they are listed', async () => (await found('?search=Zoe')).length === 3, 4_000);
    await by(admin)('POST', `/api/v1/users/${ids[1]}/disable`, { body: {} });
    await by(admin)('DELETE', `/api/v1/users/${ids[2]}`);
    await until('two are gone', async () => (await found('?search=Zoe')).length === 1, 4_000);
    expect(await found('?search=Zoe')).toEqual([{ id: ids[0], username: 'Zoe Quill', full_name: 'Zoe Quill' }]);
    for (const query of ['?search=zoe.hidden', `?search=${email}`, '?search=zoe.hidden%40']) expect([query, await found(query)]).toEqual([query, []]);
    expect(await by(admin)('GET', `/api/v1/users?search=${email}`)).toMatchObject({ body: { users: [{ id: ids[0] }] } });
    for (const query of ['?role=admin', '?status=disabled', '?email=x', '?fields=email', '?include=email']) expect([query, (await by(user)('GET', `/users${query}`)).status]).toEqual([query, 400]);
    const pages: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const { text, body } = await by(user)('GET', `/users?limit=1${next ? `&after=${next}` : ''}`);
      pages.push(text, Buffer.from(body.next ?? '', 'base64url').toString('latin1'));
      next = body.next;
    }
    expect(pages.join()).toContain('Zoe Quill');
    expect(pages.join()).not.toMatch(/hidden|@example\.com|argon2|"role"|zoe-off|zoe-gone/);
  }, 15_000);
  it('T33 "already taken" says that, and of whom or what else nothing', async () => {
    const email = 'taken.name@example.com', id = await create({ username: 'taken-name', email, full_name: 'Tamara Taken' });
    const answers = await Promise.all([
      whole.showing({})('POST', '/auth/signup', { body: { username: 'taken-name', password: 'password123' } }), whole.showing({})('POST', '/auth/register', { body: { name: 'x', email, password: 'password123' } }),
      by(admin)('POST', '/api/v1/users', { body: { username: 'other-name', email, password: 'Passw0rd' } }),
    ]);
    for (const answer of answers) {
      expect(told(answer)).toBe('409 name_taken');
      expect(answer.text).not.toMatch(new RegExp(`${id}|Tamara|taken-name|${email}`));
    }
    // the same key, number or batch of two owners' is nobody's business
    const [mine, theirs] = await Promise.all([b, a].map((who) => by(who)('POST', MESSAGES, { body: { to: '+15550003333', body: 'x', send_at: '2099-01-01T00:00:00Z' }, headers: { 'idempotency-key': 'same' } })));
    expect([mine!.status, theirs!.status, mine!.body.id === theirs!.body.id]).toEqual([202, 202, false]);
  });
});
