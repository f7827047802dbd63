/** From the first start to somebody who may do nothing any more, over HTTP, mutual TLS and WebSockets. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { refusedHandshake, SocketClient, type Opening } from './socket-client.js';
import { WholeHouse, type Body, type Client, type Reply } from './whole-house.js';

const REVOKED_WITHIN_MS = 5_000;
const AT = '/api/v1/messages';
let whole: WholeHouse;
beforeAll(async () => { whole = await WholeHouse.open(); }, 60_000);
afterAll(() => whole.close());

const nobody = (): Client => whole.showing({});
const signIn = (username: string, password: string): Promise<Reply> => nobody()('POST', '/auth/login', { body: { username, password } });
const browser = (reply: Reply): Client => whole.showing({ cookie: [reply.headers['set-cookie']].flat()[0]!.split(';')[0]! });
const ids = async (client: Client, query = ''): Promise<string[]> => (await client('GET', AT + query)).body.messages.map(({ id }) => id);

/** Signs in with a password that somebody else knows: nothing can be done before it is changed, with which one is signed in. */
async function ownPassword(username: string, given: string, own: string): Promise<Body> {
  const reply = await signIn(username, given);
  expect([reply.status, reply.body['must_change_password']]).toEqual([200, true]);
  const mine = browser(reply);
  expect((await mine('GET', AT)).body).toMatchObject({ status: 403, code: 'password_change_required' });
  const changed = await mine('POST', '/api/v1/profile/password', { body: { current_password: given, new_password: own, confirm_password: own } });
  expect([changed.status, changed.body['must_change_password']]).toEqual([200, false]);
  expect((await signIn(username, given)).status).toBe(401);
  return changed.body;
}

/** Asks until each is refused, and says after how many ms the last one was. */
async function refused(clients: Client[], began: number): Promise<number> {
  await Promise.all(clients.map((client, i) => until(`${i} is refused`, async () => (await client('GET', AT)).status === 401, REVOKED_WITHIN_MS)));
  return performance.now() - began;
}
/** Each is told 4401, and none comes in again. */
async function closed(sockets: readonly (readonly [SocketClient, Opening])[], began: number): Promise<void> {
  expect(await Promise.all(sockets.map(([socket]) => socket.isClosed(REVOKED_WITHIN_MS)))).toEqual(sockets.map(() => 4401));
  expect(performance.now() - began).toBeLessThan(REVOKED_WITHIN_MS);
  for (const [, opening] of sockets) expect((await refusedHandshake(whole, opening)).status).toBe(401);
}

it('first start, administrator, account, password, token, certificate, sockets, message, list, a look that is told of, revocation', async () => {
  const admin = whole.bearer(String((await ownPassword('SMSadmin', whole.house.generatedPassword!, 'Office-0f-mine'))['token']));

  const made = await admin('POST', '/api/v1/users', { body: { username: 'ada', password: 'Given-by-0ther', full_name: 'Ada Lovelace' } });
  expect([made.status, made.body['role'], made.body['must_change_password']]).toEqual([201, 'user', true]);
  const { id: ada } = made.body;
  await ownPassword('ada', 'Given-by-0ther', 'My-own-0ne');

  const login = await signIn('ada', 'My-own-0ne');
  expect([login.status, login.body['must_change_password']]).toEqual([200, false]);
  const ways = { token: whole.bearer(String(login.body['token'])), access: whole.bearer(String(login.body['access_token'])), cookie: browser(login) };
  for (const client of Object.values(ways)) expect((await client('GET', '/auth/me')).body).toMatchObject({ id: ada, username: 'ada', role: 'user' });

  const issue = async (): Promise<{ serial: string; device: Client; opening: Opening }> => {
    const { status, body } = await admin('POST', '/api/v1/certificates', { body: { owner: ada } });
    expect([status, body['owner']]).toEqual([201, ada]);
    const pair = { certificate: String(body['certificate']), privateKey: String(body['private_key']) };
    return { serial: String(body['serial']), device: whole.withCertificate(pair), opening: { pair } };
  };
  const [lost, kept] = [await issue(), await issue()];
  expect((await ways.token('POST', '/api/v1/certificates', { body: { owner: ada } })).status).toBe(403);

  const openings = [lost.opening, kept.opening, { query: `?token=${String(login.body['access_token'])}` }, { headers: { authorization: `Bearer ${String(login.body['token'])}` } }];
  const sockets = await Promise.all(openings.map(async (opening) => [await SocketClient.open(whole, opening), opening] as const));
  for (const [socket] of sockets) expect(await socket.asks({ type: 'subscribe', events: ['message.*'] })).toMatchObject({ type: 'subscribed', events: ['message.*'] });

  const sent = await lost.device('POST', AT, { body: { to: '+15550007777', body: 'the first one' } });
  expect([sent.status, sent.text]).toEqual([202, expect.any(String)]);
  const { id } = sent.body;
  await whole.shown(lost.device, id, 'sent');
  expect(whole.mock.callsWith(`${id}/1`)).toBe(1);
  for (const [socket] of sockets) {
    await socket.hears('message.sent', (told) => told.type === 'message.sent' && told.id === id);
    expect(socket.told.slice(1).map(({ type }) => type)).toEqual(['message.queued', 'message.sending', 'message.sent']);
  }

  const others = await admin('POST', AT, { body: { to: '+15550008888', body: 'of somebody else', send_at: '2099-01-01T00:00:00Z' } });
  await until('the administrator sees both', async () => (await ids(admin)).length === 2);
  for (const client of [...Object.values(ways), lost.device]) expect(await ids(client)).toEqual([id]);
  expect((await ways.token('GET', `${AT}/${others.body.id}`)).status).toBe(404);

  expect((await admin('GET', `${AT}/${id}`)).body).toMatchObject({ id, body: 'the first one', to: '+15550007777' });
  expect((await ways.token('GET', `${AT}/${id}/looks`)).body['looks']).toEqual([expect.objectContaining({ by: await whole.house.accounts.find('SMSadmin'), what: 'message' })]);

  let began = performance.now();
  expect((await admin('POST', `/api/v1/certificates/${lost.serial}/revoke`, { body: { reason: 'compromised' } })).status).toBe(200);
  expect(await refused([lost.device], began)).toBeLessThan(REVOKED_WITHIN_MS);
  await closed(sockets.slice(0, 1), began);
  for (const client of [...Object.values(ways), kept.device]) expect((await client('GET', AT)).status).toBe(200);
  for (const [socket] of sockets.slice(1)) expect(await socket.asks({ type: 'ping' })).toEqual({ type: 'pong' });

  began = performance.now();
  expect((await admin('POST', `/api/v1/users/${ada}/disable`, { body: { reason: 'has left' } })).status).toBe(200);
  expect(await refused([...Object.values(ways), kept.device], began)).toBeLessThan(REVOKED_WITHIN_MS);
  await closed(sockets.slice(1), began);
  expect((await signIn('ada', 'My-own-0ne')).status).toBe(401);
  expect(await ids(admin)).toContain(id);
  // of the administrator's message nobody of these was told
  for (const [socket] of sockets) expect(JSON.stringify(socket.told)).not.toContain(others.body.id);
}, 120_000);
