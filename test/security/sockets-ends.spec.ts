/** What ends an open WebSocket: everything that ends what opened it, a reader that does not read, the end of the process. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { newApiToken } from '#libs/identity/credential/api-token';
import { IssueApiToken, RevokeCredential } from '#libs/identity/credential/credential.decider';
import { ALL, ChangeSettings } from '#libs/settings/settings.decider';
import { account, apiKey } from '../journeys/principals.js';
import { refusedHandshake, SocketClient, type Opening } from '../journeys/socket-client.js';
import { WholeHouse, type Client } from '../journeys/whole-house.js';

const WITHIN_MS = 5_000;
const context = { principal: 'local:spec', correlationId: 'spec', causationId: 'spec' };
let whole: WholeHouse, admin: Client, people = 0;
beforeAll(async () => {
  whole = await WholeHouse.open();
  admin = await whole.signedIn('ops', 'admin');
}, 30_000);
afterAll(() => whole.close());

const open: SocketClient[] = [];
const socket = async (opening: Opening): Promise<SocketClient> => {
  const client = await SocketClient.open(whole, opening);
  open.push(client);
  expect((await client.asks({ type: 'ping' })).type).toBe('pong');
  return client;
};
afterEach(() => { for (const client of open.splice(0)) client.close(); });
const told = (token: unknown): Opening => ({ query: `?token=${String(token)}` });

/** Somebody who signed in with a password, and a stranger whose socket must stay. */
async function signedIn(): Promise<{ id: string; access: string; refresh: string; token: string; me: Client; password: string }> {
  const username = `somebody${++people}`, password = 'Passw0rd-of-mine';
  const { body: { id } } = await whole.showing({})('POST', '/auth/signup', { body: { username, password } });
  const { status, body } = await whole.showing({})('POST', '/auth/login', { body: { username, password } });
  expect(status).toBe(200);
  return { id, password, access: String(body['access_token']), refresh: String(body['refresh_token']), token: String(body['token']), me: whole.bearer(String(body['access_token'])) };
}

/** All of these are closed with 4401 within 5 s of what was done, the others stay, and nobody comes in again. */
async function ends(act: () => Promise<unknown>, openings: readonly Opening[], staying: readonly Opening[] = []): Promise<void> {
  const [gone, stay] = [await Promise.all(openings.map(socket)), await Promise.all([...staying, told(await whole.token('a-stranger'))].map(socket))];
  const began = performance.now();
  await act();
  expect(await Promise.all(gone.map((client) => client.isClosed(WITHIN_MS)))).toEqual(gone.map(() => 4401));
  expect(performance.now() - began).toBeLessThan(WITHIN_MS);
  for (const client of gone) expect(client.closed!.reason).toBe('What you signed in with does not count any more. Sign in and connect again.');
  for (const client of stay) expect((await client.asks({ type: 'ping' })).type).toBe('pong');
  for (const opening of openings) expect([401, 403]).toContain((await refusedHandshake(whole, opening)).status);
}
const done = async (reply: ReturnType<Client>, status = 200): Promise<void> => { const { status: is, text } = await reply; expect([is, text]).toEqual([status, text]); };

describe('T04 what ends somebody ends his sockets within 5 s', () => {
  it('T04 logout', async () => {
    const { me, access, token } = await signedIn();
    await ends(() => done(me('POST', '/auth/logout')), [told(access), told(token)]);
  });
  it('T04 a changed password', async () => {
    const { me, access, password } = await signedIn();
    await ends(() => done(me('POST', '/api/v1/profile/password', { body: { current_password: password, new_password: 'An0ther-one', confirm_password: 'An0ther-one' } })), [told(access)]);
  });
  it.each(['disable', 'sign-out'])('T04 an administrator\'s %s', async (what) => {
    const { id, access, token } = await signedIn();
    await ends(() => done(admin('POST', `/api/v1/users/${id}/${what}`, { body: {} })), [told(access), told(token)]);
  });
  it('T04 disabled: also with a key and a certificate', async () => {
    const { id } = await signedIn();
    const key = await apiKey(whole, id), pair = await whole.certificate(id);
    await ends(() => done(admin('POST', `/api/v1/users/${id}/disable`, { body: {} })), [{ headers: { 'x-api-key': key.text } }, { pair }]);
  });
  it('T04 deleted, and T71 its key with it', async () => {
    const { id, access } = await signedIn();
    const key = await apiKey(whole, id);
    await ends(() => done(admin('DELETE', `/api/v1/users/${id}`)), [told(access), { headers: { 'x-api-key': key.text } }]);
  });
  it('T04 role removed: closed, whatever the new role may', async () => {
    const id = await account(whole, 'operator');
    const text = await whole.token(id, 'operator');
    const client = await socket(told(text));
    const began = performance.now();
    await done(admin('POST', `/api/v1/users/${id}/role`, { body: { role: 'user' } }));
    expect([await client.isClosed(WITHIN_MS), performance.now() - began < WITHIN_MS]).toEqual([4401, true]);
  });
});

describe('T34 an address', () => {
  it('T34 that the settings deny while sockets are open: they are closed, also with a certificate, and no frame is taken', async () => {
    const owner = await account(whole, 'user');
    const gone = [await socket(told(await whole.token(owner))), await socket({ pair: await whole.certificate(owner) })];
    await done(admin('PUT', '/api/v1/settings', { body: { security: { ip_allow: ['198.51.100.0/24'] }, confirm: true } }));
    expect(await Promise.all(gone.map((client) => client.isClosed(WITHIN_MS)))).toEqual([1008, 1008]);
    expect(gone.map(({ closed }) => closed!.reason)).toEqual(gone.map(() => 'Your address is not let in any more. Ask an administrator.'));
    // who shut himself out asks nobody over HTTP any more
    await whole.house.api.bus.execute(new ChangeSettings(ALL, { values: [{ name: 'security.ip_allow', value: null }], secrets: [], reason: null, by: 'local', seen: null, confirmed: true, caller: null }, context));
    await until('the list is empty again', async () => (await whole.showing({})('GET', '/auth/me')).status === 401);
    expect((await socket(told(await whole.token(owner)))).closed).toBeNull();
  });
});

describe('T03 and T71 one credential', () => {
  it('T03 a refresh token that comes twice ends an open WS of the family', async () => {
    const { access, refresh, token } = await signedIn();
    const next = await whole.showing({})('POST', '/auth/refresh', { body: { refresh_token: refresh } });
    expect(next.status).toBe(200);
    await ends(() => done(whole.showing({})('POST', '/auth/refresh', { body: { refresh_token: refresh } }), 401), [told(access), told(token), told(next.body['access_token'])]);
  });
  it('T71 a key revoked on an open WS', async () => {
    const id = await account(whole, 'operator');
    const key = await apiKey(whole, id), other = await apiKey(whole, id);
    await ends(() => done(admin('DELETE', `/api/v1/api-keys/key_${key.id}`)), [{ headers: { 'x-api-key': key.text } }], [{ headers: { 'x-api-key': other.text } }]);
  });
  it('a certificate revoked, and an API token', async () => {
    const pair = await whole.certificate('a-house'), other = await whole.certificate('a-house');
    await ends(() => done(admin('POST', `/api/v1/certificates/${pair.serial}/revoke`, { body: { reason: 'compromised' } })), [{ pair }], [{ pair: other }]);
    const { id, text, sha256 } = newApiToken(randomBytes);
    await whole.house.api.bus.execute(new IssueApiToken(id, { owner: 'a-house', role: 'user', sha256, expiresAt: null }, context));
    await ends(() => whole.house.api.bus.execute(new RevokeCredential(id, { reason: 'compromised' }, context)), [told(text)], [{ pair: other }]);
  });
  it('T38 a token that expires while the socket is open', async () => {
    const { id, text, sha256 } = newApiToken(randomBytes);
    const expiresAt = new Date(Date.now() + 1_500);
    await whole.house.api.bus.execute(new IssueApiToken(id, { owner: 'a-house', role: 'user', sha256, expiresAt: expiresAt.toISOString() }, context));
    const client = await socket(told(text));
    expect(await client.isClosed(1_500 + WITHIN_MS)).toBe(4401);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
  });
});

const metric = async (name: string, label = ''): Promise<number> => {
  const line = (await whole.house.metrics.registry.getSingleMetricAsString(name)).split('\n').find((l) => !l.startsWith('#') && l.includes(label));
  return Number(line?.split(' ').at(-1) ?? 0);
};

describe('T38 a peer that', () => {
  it('T38 stops reading while much happens is closed with 1013 and cut; the others go on', async () => {
    const [slow, other] = [await socket(told(await whole.token('slow'))), await socket(told(await whole.token('other')))];
    const before = await metric('heliograph_websocket_closes_total', 'code="1013"');
    const active = await metric('pneumatic_websocket_connections_active');
    slow.ws.pause();
    // each frame is answered with one of about 200 bytes, which nobody reads
    const frame = JSON.stringify({ type: 'x'.repeat(60) });
    const began = performance.now();
    await until('it is given up', async () => {
      for (let i = 0; i < 2_000 && slow.ws.bufferedAmount < 1_000_000; i++) slow.ws.send(frame);
      await new Promise((resolve) => { setImmediate(resolve); });
      return await metric('heliograph_websocket_closes_total', 'code="1013"') === before + 1;
    }, 20_000);
    expect(await metric('pneumatic_websocket_connections_active')).toBe(active - 1);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect((await other.asks({ type: 'ping' })).type).toBe('pong');
  });
});

describe('T87 the end of the process', () => {
  it('T87 closes every socket with 1001, within its time', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, async (_, i) => socket(told(await whole.token(`owner${i}`)))));
    await clients[0]!.asks({ type: 'subscribe', events: ['*'] });
    const began = performance.now();
    await whole.stop();
    await until('all are told', () => clients.every(({ closed }) => closed !== null));
    expect(clients.map(({ closed }) => closed)).toEqual(clients.map(() => ({ code: 1001, reason: 'The server is going down. Connect again in a moment.' })));
    expect(performance.now() - began).toBeLessThan(5_000);
    await whole.start();
    // after a restart what was ended stays ended, and what was not opens again
    expect((await refusedHandshake(whole, told('hgt_x_y'))).status).toBe(401);
    expect((await socket(told(await whole.token('owner0')))).closed).toBeNull();
  });
});
