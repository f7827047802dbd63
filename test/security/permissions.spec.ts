/** Every route, called as everybody: what is answered is what docs/permissions.md says. New routes are covered the day they appear. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { permittedRoutes, type PermittedRoute } from '#apps/api/permissions-page';
import type { HttpAdapter } from '#libs/platform/http/http-adapter';
import { accessOf } from '#libs/identity/access';
import { ROLES, type Role } from '#libs/identity/principal';
import { createLog } from '#libs/platform/telemetry/log';
import { apiKey, KINDS, person, type Kind, type Person } from '../journeys/principals.js';
import { WholeHouse, type Client, type Reply } from '../journeys/whole-house.js';

/** What the guard itself says no with. */
const GUARD = ['unauthenticated', 'invalid_token', 'invalid_api_key', 'session_ended', 'invalid_certificate', 'two_credentials', 'forbidden', 'missing_scope', 'cross_site', 'password_change_required', 'address_refused', 'unavailable', 'internal'];
/** What stands for a parameter where nothing is called so. */
const NOBODY: Record<string, string> = { id: 'msg_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', serial: '0'.repeat(32), category: 'nothing' };
const filled = (path: string, values: Record<string, string> = NOBODY): string => path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'nothing');

const lines: string[] = [];
let whole: WholeHouse, routes: PermittedRoute[], people: Record<Role, Person>, nobody: Client;
beforeAll(async () => {
  whole = await WholeHouse.open({ log: createLog('info', { write: (line) => { lines.push(line); } }) });
  routes = await permittedRoutes();
  people = { user: await person(whole, 'user'), operator: await person(whole, 'operator'), admin: await person(whole, 'admin') };
  nobody = whole.showing({});
}, 30_000);
afterAll(() => whole.close());

const said = ({ status, body, text }: Reply): string => (status === 401 || status === 403 || status >= 500 ? `${status} ${(body['code'] as string | undefined) ?? text.slice(0, 80)}` : 'let in');
const call = (client: Client, { method, path }: PermittedRoute): Promise<Reply> => client(method, filled(path), method === 'GET' || method === 'DELETE' ? {} : { body: {} });
/** Some end the session that they are called with: each call of theirs needs one of its own. */
const ends = ({ method, permission }: PermittedRoute): boolean => method !== 'GET' && permission === 'profile:write';
/** From this machine, where these calls come from, what operators look at is open too: the guard's own spec calls from elsewhere. */
const isOpen = ({ permission }: PermittedRoute): boolean => permission === 'public' || permission === 'operations';
const protectedRoutes = (): PermittedRoute[] => routes.filter((route) => !isOpen(route));

const expected = ({ path, permission }: PermittedRoute, role: Role, kind: Kind): string => {
  // a browser sends its cookie to a WebSocket from whichever site: there it is nobody at all
  if (path === '/ws' && kind === 'session') return '401 unauthenticated';
  const { roles, kinds } = accessOf(permission)!;
  return kinds.includes(kind) && roles.includes(role) ? 'let in' : '403 forbidden';
};

/** How many events tell of somebody's things: what keys were used for is told apart, and later. */
const written = async (): Promise<number> => (await whole.house.engine.eventStore.readAll(null, ['message-', 'batch-', 'credential-', 'session-', 'user-', 'name-', 'settings-'], 100_000)).events.length;

describe('T18 every route', () => {
  it('is in the page, and the page has no other', () => {
    const { table } = whole.house.api.app.getHttpAdapter() as unknown as HttpAdapter;
    const running = table.routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
    expect(routes.map(({ method, path }) => `${method} ${path}`).sort((a, b) => (a < b ? -1 : 1))).toEqual(running.sort((a, b) => (a < b ? -1 : 1)));
  });
  it('is for nobody who is not signed in, but for those that are open', async () => {
    const wrong: string[] = [];
    for (const route of routes) {
      const code = (await call(nobody, route)).body['code'] as string | undefined;
      if (isOpen(route) ? code !== undefined && GUARD.includes(code) : code !== 'unauthenticated') wrong.push(`${route.method} ${route.path}: ${code}`);
    }
    expect(wrong).toEqual([]);
  }, 20_000);
  it('is for nobody who is not signed in, however it is spelled', async () => {
    const before = await written();
    const wrong: string[] = [];
    for (const { method, path } of protectedRoutes()) {
      const plain = filled(path);
      const spelled = [plain.toUpperCase(), `/${plain}`, `${plain}/`, plain.replace('/', '/%2e/'), plain.replace(/[a-z]/, (c) => `%${c.charCodeAt(0).toString(16)}`), plain.replace(/\/([^/]*)$/, '%2F$1'), `/x/..${plain}`, `${plain};x=1`, plain.replace('/', '/\\'), `http://example.com${plain}`, `${plain}?x=1`, `${plain}/${'a'.repeat(101)}`];
      for (const target of spelled) {
        const { status, body } = await nobody(method, target, { headers: { 'x-http-method-override': 'GET', 'x-client-cert': 'admin', 'x-original-url': '/health' } });
        if (![401, 404, 405, 400].includes(status) || (status === 400 && body['code'] !== undefined && body['code'] !== 'invalid_request')) wrong.push(`${method} ${target}: ${status}`);
      }
      for (const other of ['HEAD', 'OPTIONS']) { const { status } = await nobody(other, plain); if (![401, 404, 405].includes(status)) wrong.push(`${other} ${plain}: ${status}`); }
    }
    expect(wrong).toEqual([]);
    expect(await written()).toBe(before);
  }, 60_000);
  it.each(ROLES.flatMap((role) => KINDS.map((kind) => [role, kind] as const)))('called by a %s with a credential of kind %s answers as the page says', async (role, kind) => {
    const wrong: string[] = [];
    for (const route of protectedRoutes()) {
      const answer = said(await call((ends(route) ? await person(whole, role) : people[role]).as[kind], route));
      if (answer !== expected(route, role, kind)) wrong.push(`${route.method} ${route.path}: ${answer}, not ${expected(route, role, kind)}`);
    }
    expect(wrong).toEqual([]);
  }, 60_000);
  it('is closed to an API key without its scope, even an administrator\'s, and the answer names the scope', async () => {
    const { text } = await apiKey(whole, people.admin.id, ['inventory:read']);
    const key = whole.showing({ 'x-api-key': text });
    const wrong: string[] = [];
    for (const route of protectedRoutes()) {
      const { body } = await call(key, route);
      const { scope } = accessOf(route.permission)!;
      if (scope === null ? body['code'] !== 'forbidden' : body['scope'] !== scope) wrong.push(`${route.method} ${route.path}: ${JSON.stringify(body)}`);
    }
    expect(wrong).toEqual([]);
  }, 20_000);
});

/** How a thing of somebody's is made, by the path that names it. */
const OWNED: Record<string, (owner: Person) => Promise<string>> = {
  '/api/v1/messages/{id}': async (owner) => (await owner.as['api-token']('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'mine', send_at: '2099-01-01T00:00:00Z' } })).body.id,
  '/api/v1/api-keys/{id}': async (owner) => `key_${(await apiKey(whole, owner.id, ['messages:read'])).id}`,
  '/api/v1/profile/sessions/{id}': async (owner) => owner.session,
  '/api/v1/profile/tokens/{id}': async (owner) => (await whole.token(owner.id, owner.role)).split('_')[1]!,
};
const ownedBy = (path: string): string | undefined => Object.keys(OWNED).find((prefix) => path === prefix || path.startsWith(`${prefix}/`));

describe('T29 somebody else\'s thing', () => {
  it('every route that names a thing is looked at here, or is for administrators alone', () => {
    const left = protectedRoutes().filter(({ path, permission }) => path.includes('{') && accessOf(permission)!.roles.some((role) => role !== 'admin') && !ownedBy(path));
    expect(left.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });
  it.each(Object.keys(OWNED))('is not there: %s and what is below it, with every kind of credential', async (prefix) => {
    const id = await OWNED[prefix]!(people.operator);
    const unknown = id.replace(/[0-9a-zA-Z]{8}$/, '00000000');
    const stranger = await person(whole, 'operator');
    const before = await written();
    const wrong: string[] = [];
    for (const route of protectedRoutes().filter(({ path }) => ownedBy(path) === prefix)) {
      for (const kind of KINDS.filter((k) => accessOf(route.permission)!.kinds.includes(k))) {
        const ask = (value: string): Promise<Reply> => stranger.as[kind](route.method, filled(route.path, { id: value }), route.method === 'POST' ? { body: {} } : {});
        const [theirs, none] = [await ask(id), await ask(unknown)];
        const bytes = (text: string, of: string): string => text.replaceAll(of, 'ID');
        if (theirs.status !== 404 || none.status !== 404 || bytes(theirs.text, id) !== bytes(none.text, unknown)) wrong.push(`${route.method} ${route.path} by ${kind}: ${theirs.status} ${theirs.text}, ${none.status} ${none.text}`);
      }
      // the control: its owner finds it there (and does not end it)
      if (route.method === 'GET') { const { status } = await people.operator.as['api-token']('GET', filled(route.path, { id })); if (status !== 200) wrong.push(`GET ${route.path} by its owner: ${status}`); }
      for (const method of ['PUT', 'PATCH']) {
        const { status, headers } = await stranger.as['api-token'](method, filled(route.path, { id }), { body: {} });
        if (status !== 405 || !headers['allow']) wrong.push(`${method} ${route.path}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await written()).toBe(before);
    // what a stranger may not end, its owner may
    if (prefix.includes('/profile/')) expect((await people.operator.as['api-token']('DELETE', filled(prefix, { id }))).status).toBe(200);
  }, 20_000);
  it('one\'s own message is not put, patched or deleted either', async () => {
    const id = await OWNED['/api/v1/messages/{id}']!(people.user);
    for (const method of ['PUT', 'PATCH', 'DELETE']) expect(await people.user.as['api-token'](method, `/api/v1/messages/${id}`, { body: {} })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });
  it('leaves a line in the log, which names neither thing nor owner', async () => {
    const id = await OWNED['/api/v1/messages/{id}']!(people.operator);
    lines.length = 0;
    await people.user.as['api-token']('GET', `/api/v1/messages/${id}`);
    await people.user.as['api-token']('GET', `/api/v1/messages/${id.slice(0, -4)}0000`);
    const noted = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => String(msg).startsWith('somebody else'));
    expect(noted).toEqual([expect.objectContaining({ level: 'info', method: 'GET', route: '/api/v1/messages/:id', reason: 'message', principal: expect.stringMatching(/^api-token:/), requestId: expect.any(String) })]);
    expect(JSON.stringify(noted)).not.toContain(id);
  });
});
