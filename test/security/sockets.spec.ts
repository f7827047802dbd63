/** The WebSocket door against strangers: who is let in, with what, and from where. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLog } from '#libs/platform/telemetry/log';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { COOKIE_NAME } from '#libs/identity/session/cookie';
import { Tokens } from '#libs/identity/session/tokens';
import { exchange, request } from '#libs/platform/http/testing/raw-http';
import { ALL, ChangeSettings } from '#libs/settings/settings.decider';
import { account, apiKey, signIn } from '../journeys/principals.js';
import { refusedHandshake, SocketClient, type Opening } from '../journeys/socket-client.js';
import { WholeHouse } from '../journeys/whole-house.js';

const lines: string[] = [];
const log = createLog('debug', { write: (line) => { lines.push(line); } });
let whole: WholeHouse, user: string, access: string, cookie: string, port: number;
beforeAll(async () => {
  whole = await WholeHouse.open({ log });
  user = await account(whole, 'user');
  ({ access, cookie } = await signIn(whole, user));
  port = whole.house.listening.ports[0]!.port;
}, 30_000);
afterAll(() => whole.close());

const refused = async (opening: Opening): Promise<string> => {
  const { status, body, headers } = await refusedHandshake(whole, opening);
  expect([headers['content-type'], headers['connection']]).toEqual(['application/problem+json', 'close']);
  return `${status} ${String(body['code'])}`;
};
const opened = async (opening: Opening): Promise<string> => {
  const client = await SocketClient.open(whole, opening);
  const { type } = await client.asks({ type: 'ping' });
  client.close();
  return type;
};

describe('T34 the handshake', () => {
  it('T34 lets in a token in the query or in the header, an API key in its header, and a client certificate', async () => {
    const key = await apiKey(whole, user, ['live:read']);
    expect(await opened({ query: `?token=${access}` })).toBe('pong');
    expect(await opened({ headers: { authorization: `Bearer ${access}` } })).toBe('pong');
    expect(await opened({ query: `?token=${await whole.token(user)}` })).toBe('pong');
    expect(await opened({ headers: { 'x-api-key': key.text } })).toBe('pong');
    expect(await opened({ pair: await whole.certificate(user) })).toBe('pong');
  });
  it('T34 refuses what is no token of ours, two of them, and a cookie; a token in the query of any other route is none', async () => {
    const { refresh } = await whole.house.people.tokens.issue({ user, session: 'ses_x', n: 1, expiresAt: new Date(Date.now() + 60_000).toISOString() });
    const key = await apiKey(whole, user), pair = await whole.certificate(user);
    expect(await refused({})).toBe('401 unauthenticated');
    expect(await refused({ query: '?token=' })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${refresh}` })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${key.text}` })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${access}&token=${access}` })).toBe('401 invalid_token');
    expect(await refused({ query: '?token[]=a' })).toBe('401 unauthenticated');
    expect(await refused({ query: `?token=${access}`, headers: { authorization: `Bearer ${access}` } })).toBe('400 two_credentials');
    expect(await refused({ query: `?token=${access}`, headers: { 'x-api-key': key.text } })).toBe('400 two_credentials');
    expect(await refused({ query: `?token=${access}`, pair })).toBe('400 two_credentials');
    expect(await refused({ headers: { cookie: `${COOKIE_NAME}=${cookie}` } })).toBe('401 unauthenticated');
    // the good cookie opens what it opens: it is good
    expect((await whole.showing({ cookie: `${COOKIE_NAME}=${cookie}` })('GET', '/auth/me')).status).toBe(200);
    expect((await whole.showing({})('GET', `/api/v1/messages?token=${access}`)).status).toBe(401);
  });
  it('T34 an expired token is refused', async () => {
    const before = new Tokens({ keys: whole.house.people.keys, now: () => new Date(Date.now() - 3_600_000), lifetimes: () => ({ accessMinutes: 30, refreshDays: 7 }) });
    const { access: old } = await before.issue({ user, session: (await signIn(whole, user)).session, n: 1, expiresAt: new Date(Date.now() + 60_000).toISOString() });
    expect(await refused({ query: `?token=${old}` })).toBe('401 invalid_token');
  });
  it('T34 a key without the scope, and one whose account is gone, are refused', async () => {
    const leaving = await account(whole, 'user');
    const token = await whole.token(leaving);
    expect(await refused({ headers: { 'x-api-key': (await apiKey(whole, user, ['messages:read'])).text } })).toBe('403 missing_scope');
    expect((await (await whole.signedIn('ops', 'admin'))('DELETE', `/api/v1/users/${leaving}`)).status).toBe(200);
    expect(await refused({ query: `?token=${token}` })).toBe('401 invalid_token');
  });
  it.each(['https://evil.example.com', 'https://app.example.com.evil.example.com', 'null', 'http://localhost'])('T34 Origin %s with a good token: 403', async (origin) => {
    expect(await refused({ query: `?token=${access}`, headers: { origin } })).toBe('403 cross_site');
  });
  it('T34 a page of our own and a program without an Origin are let in; one that the browser calls cross-site is not', async () => {
    expect(await opened({ query: `?token=${access}`, headers: { origin: `http://localhost:${port}` } })).toBe('pong');
    expect(await opened({ query: `?token=${access}` })).toBe('pong');
    expect(await refused({ query: `?token=${access}`, headers: { origin: `http://localhost:${port}`, 'sec-fetch-site': 'cross-site' } })).toBe('403 cross_site');
    const mine = await whole.certificate(user);
    expect(await refused({ pair: mine, headers: { origin: 'https://evil.example.com' } })).toBe('403 cross_site');
  });
  it('T34 the address lists come before any credential', async () => {
    const admin = await whole.signedIn('ops', 'admin');
    const change = (ranges: string[]) => admin('PUT', '/api/v1/settings', { body: { security: { ip_allow: ranges }, confirm: true } });
    const allowed = await change(['198.51.100.0/24']);
    expect([allowed.status, await refused({ query: `?token=${access}` }), await refused({})]).toEqual([200, '403 address_refused', '403 address_refused']);
    // who shut himself out asks nobody over HTTP any more
    const back = new ChangeSettings(ALL, { values: [{ name: 'security.ip_allow', value: null }], secrets: [], reason: null, by: 'local', seen: null, confirmed: true, caller: null }, { principal: 'local:spec', correlationId: 'spec', causationId: 'spec' });
    await whole.house.api.bus.execute(back);
    await until('the list is empty again', async () => (await whole.showing({})('GET', '/auth/me')).status === 401);
  });
  it('T34 leaves no token in a log line or a metric', async () => {
    const text = await whole.token(user), key = (await apiKey(whole, user)).text;
    lines.length = 0;
    expect(await opened({ query: `?token=${text}` })).toBe('pong');
    expect(await refused({ query: `?token=${key}` })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${text}`, headers: { origin: 'https://evil.example.com' } })).toBe('403 cross_site');
    expect(lines.length).toBeGreaterThan(2);
    const shown = lines.join('') + await whole.house.metrics.registry.metrics();
    expect(shown).toContain('route="/ws",status="101"');
    for (const secret of [text, key, text.split('_').at(-1)!, key.split('_').at(-1)!]) expect(shown).not.toContain(secret);
  });
});

describe('T34 the address', () => {
  const shake = (line: string, more: readonly string[] = []): string =>
    [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: Upgrade, close', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13', `Authorization: Bearer ${access}`, ...more, '', ''].join('\r\n');
  it.each([
    ['GET /ws/', 404], ['GET /WS', 404], ['GET //ws', 404], ['GET /nothing', 404], ['GET /ws/x', 404], ['POST /ws', 405], ['GET /api/v1/messages', 200], ['GET /%77s', 426],
  ])('%s with the headers of a handshake: %s, and no socket', async (line, status) => {
    expect((await exchange(port, shake(line))).statuses).toEqual([status]);
  });
  it('T23 a handshake in two readings, or none at all, is refused', async () => {
    expect((await exchange(port, shake('GET /ws', ['Host: other']))).statuses).toEqual([400]);
    expect((await exchange(port, shake('GET /ws', ['Content-Length: 5']))).statuses).toEqual([400]);
    expect((await exchange(port, shake('GET /ws').replace('AAAA==', 'A=='))).statuses).toEqual([400]);
    expect((await exchange(port, shake('GET /ws').replace('Version: 13', 'Version: 8'))).statuses).toEqual([400]);
    const plain = await exchange(port, request('GET /ws', [`Authorization: Bearer ${access}`]));
    expect([plain.status, plain.headers['upgrade'], plain.body.includes('"code":"upgrade_required"')]).toEqual([426, 'websocket', true]);
  });
  it('S5 WEBSOCKET_ENABLED=false closes it: 404, which says so', async () => {
    await whole.stop();
    await whole.start({ log, env: { WEBSOCKET_ENABLED: 'false' } });
    const { status, body } = await whole.showing({})('GET', '/ws');
    expect([status, body.detail]).toEqual([404, 'This server opens no WebSockets (WEBSOCKET_ENABLED=false). Ask an administrator.']);
    expect((await refusedHandshake(whole, { query: `?token=${access}` })).status).toBe(404);
  });
});
