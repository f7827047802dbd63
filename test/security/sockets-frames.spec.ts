/** What is sent over an open WebSocket: frames that mean harm, too many of them, and what one is told of others. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveFeed } from '#apps/api/sockets/live-feed';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { account, apiKey } from '../journeys/principals.js';
import { refusedHandshake, SocketClient, type Told } from '../journeys/socket-client.js';
import { WholeHouse, type Client } from '../journeys/whole-house.js';

let whole: WholeHouse, user: string, token: string;
beforeAll(async () => {
  whole = await WholeHouse.open();
  user = await account(whole, 'user');
  token = await whole.token(user);
}, 30_000);
afterAll(() => whole.close());

const open: SocketClient[] = [];
const socket = async (text = token): Promise<SocketClient> => {
  const client = await SocketClient.open(whole, { query: `?token=${text}` });
  open.push(client);
  return client;
};
afterEach(() => { for (const client of open.splice(0)) client.close(); });
const send = async (client: Client): Promise<string> => {
  const reply = await client('POST', '/api/v1/messages', { body: { to: '+15550001111', body: 'a secret text' } });
  expect(reply.status).toBe(202);
  return reply.body.id;
};
const metric = async (name: string): Promise<string[]> => (await whole.house.metrics.registry.getSingleMetricAsString(name)).split('\n').filter((line) => !line.startsWith('#'));

describe('T22 a frame', () => {
  it.each(([
    ['{"type":"subscribe","events":["*"],"__proto__":{"role":"admin"}}', 'malformed_json'],
    ['{"type":"subscribe","constructor":{"prototype":{"x":1}}}', 'malformed_json'],
    ['{"type":"ping","type":"ping"}', 'malformed_json'],
    [`${'['.repeat(10_000)}`, 'malformed_json'],
    ['not JSON', 'malformed_json'],
    ['[]', 'validation_failed'], ['null', 'validation_failed'], ['7', 'validation_failed'], ['{}', 'validation_failed'], ['{"type":7}', 'validation_failed'], [`{"type":"${'x'.repeat(65)}"}`, 'validation_failed'],
    ['{"type":"subscribe"}', 'validation_failed'], ['{"type":"subscribe","events":[]}', 'validation_failed'], ['{"type":"subscribe","events":["a.*.b"]}', 'validation_failed'],
    ['{"type":"subscribe","events":["message.*"],"role":"admin"}', 'validation_failed'], [`{"type":"subscribe","events":${JSON.stringify(Array.from({ length: 101 }, (_, i) => `e${i}`))}}`, 'validation_failed'],
    ['{"type":"resume","position":-1}', 'validation_failed'], ['{"type":"toString"}', 'validation_failed'],
  ] as const).map(([text, code]) => [text.slice(0, 60), text, code] as const))('T22 %s is answered with an error frame, and the socket stays open', async (_, text, code) => {
    const client = await socket();
    expect(await client.asks(text)).toMatchObject({ type: 'error', code });
    expect(({} as { x?: unknown; role?: unknown }).x ?? ({} as { role?: unknown }).role).toBeUndefined();
    expect(await client.asks({ type: 'ping' })).toEqual({ type: 'pong' });
  });
  it('T85 of a type that there is not, is answered so, and counted as other: join and message come with conversations', async () => {
    const client = await socket();
    for (const type of ['join', 'message', 'dashboard.update', ...Array.from({ length: 200 }, (_, i) => `x${i}`)]) {
      expect(await client.asks({ type, conversation_id: 'c' })).toEqual({ type: 'error', code: 'invalid_request', detail: `There are no frames of the type "${type}" here. There are: ping, resume, subscribe, unsubscribe.`, in_reply_to: type });
    }
    const types = (await metric('heliograph_websocket_frames_total')).map((line) => /type="([^"]+)"/.exec(line)![1]!);
    expect([...types].sort()).toEqual(expect.arrayContaining(['other']));
    expect(types.filter((type) => !['ping', 'subscribe', 'unsubscribe', 'resume', 'other'].includes(type))).toEqual([]);
  });
  it('of more than 64 kB, and one that is no text, ends the socket: 1009, 1003, 1007', async () => {
    const big = await socket();
    big.send(JSON.stringify({ type: 'ping', x: 'x'.repeat(64 * 1024) }));
    expect(await big.isClosed()).toBe(1009);
    const binary = await socket();
    binary.ws.send(Buffer.from('{"type":"ping"}'));
    expect(await binary.isClosed()).toBe(1003);
    const broken = await socket();
    broken.ws.send(Buffer.from([0xff, 0xfe]), { binary: false });
    expect(await broken.isClosed()).toBe(1007);
    await until('they are counted', async () => (await metric('heliograph_websocket_closes_total')).filter((line) => /code="(1009|1003|1007)"/.test(line)).length === 3);
  });
});

describe('what one is told', () => {
  const kinds = (client: SocketClient): string[] => client.told.map(({ type }) => type).filter((type) => type !== 'subscribed' && type !== 'pong');
  it('is the life of one\'s own messages, in order, without text or number; nobody else is told, nor an administrator', async () => {
    const [mine, other, admin] = [await socket(), await socket(await whole.token(await account(whole, 'user'))), await socket(await whole.token(await account(whole, 'admin'), 'admin'))];
    expect(await mine.asks({ type: 'subscribe', events: ['message.*'] })).toEqual({ type: 'subscribed', events: ['message.*'], position: expect.stringMatching(/^[\d-]+$/) });
    for (const client of [other, admin]) await client.asks({ type: 'subscribe', events: ['*'] });
    const id = await send(whole.bearer(token));
    await mine.hears('message.sent', ({ type }) => type === 'message.sent');
    expect(kinds(mine)).toEqual(['message.queued', 'message.sending', 'message.sent']);
    expect(mine.told[1]).toEqual({ type: 'message.queued', position: expect.any(String), at: expect.stringMatching(/Z$/), id, batch: null, status: 'queued', channel: 'sms', gateway: 'sms', segments: 1, next_attempt_at: expect.stringMatching(/Z$/) });
    expect(mine.told[2]).toEqual({ type: 'message.sending', position: expect.any(String), at: expect.any(String), id, batch: null, status: 'sending', attempt: 1, gateway: 'sms' });
    const positions = mine.told.slice(1).map(({ position }) => position);
    expect(positions).toEqual([...positions].sort());
    const shown = JSON.stringify(mine.told);
    expect(shown).not.toMatch(/secret text|15550001111/);
    await Promise.all([other, admin].map((client) => client.asks({ type: 'ping' })));
    expect([kinds(other), kinds(admin).filter((kind) => kind.startsWith('message.'))]).toEqual([[], []]);
  });
  it('of accounts and sign-ins only administrators are, and not by a key', async () => {
    const admin = await account(whole, 'admin');
    const [boss, key, one] = [await socket(await whole.token(admin, 'admin')), await SocketClient.open(whole, { headers: { 'x-api-key': (await apiKey(whole, admin, ['live:read', 'messages:read'])).text } }), await socket()];
    open.push(key);
    for (const client of [boss, key, one]) await client.asks({ type: 'subscribe', events: ['user.created', 'user.*'] });
    const { body } = await whole.showing({})('POST', '/auth/signup', { body: { username: 'newcomer', password: 'Passw0rd-of-mine' } });
    expect((await whole.showing({})('POST', '/auth/login', { body: { username: 'newcomer', password: 'Passw0rd-of-mine' } })).status).toBe(200);
    const login = await boss.hears('user.login', ({ type, user_id: who, how }) => type === 'user.login' && who === body.id && how === 'password');
    expect(login).toEqual({ type: 'user.login', position: expect.any(String), at: expect.any(String), user_id: body.id, how: 'password' });
    expect(boss.told).toContainEqual({ type: 'user.created', position: expect.any(String), at: expect.any(String), user_id: body.id, role: 'user', origin: 'sign-up' });
    expect(JSON.stringify(boss.told)).not.toMatch(/newcomer|127\.0\.0\.1/);
    await Promise.all([key, one].map((client) => client.asks({ type: 'ping' })));
    expect([kinds(key), kinds(one)]).toEqual([[], []]);
  });
  it('ends with the subscription, and the one follower of the log with the last of them', async () => {
    const feed = whole.house.api.app.get(LiveFeed);
    await until('those of before are gone', () => feed.listeners === 0);
    const client = await socket();
    await client.asks({ type: 'subscribe', events: ['message.sent', 'message.queued'] });
    expect(feed.listeners).toBe(1);
    expect(await client.asks({ type: 'unsubscribe', events: ['message.queued'] })).toMatchObject({ type: 'subscribed', events: ['message.sent'] });
    await send(whole.bearer(token));
    await client.hears('message.sent', ({ type }) => type === 'message.sent');
    expect(kinds(client)).toEqual(['message.sent']);
    expect(await client.asks({ type: 'unsubscribe', events: ['message.sent'] })).toMatchObject({ events: [] });
    expect([feed.listeners, feed.position]).toEqual([0, null]);
    client.close();
  });
});

describe('T38 resume', () => {
  it('shows exactly what was missed, in order, and then what happens', async () => {
    const first = await socket();
    const { position } = await first.asks({ type: 'subscribe', events: ['message.*'] });
    first.close();
    const ids = [await send(whole.bearer(token)), await send(whole.bearer(token))];
    for (const id of ids) await whole.shown(whole.bearer(token), id, 'sent');
    const again = await socket();
    again.send({ type: 'subscribe', events: ['message.*'], position });
    const resumed = await again.hears('resumed', ({ type }) => type === 'resumed');
    expect([again.told[0], again.told.at(-1)!.type, resumed.count]).toEqual([{ type: 'subscribed', events: ['message.*'], position }, 'resumed', 6]);
    const shown = again.told.slice(1, -1);
    for (const id of ids) expect(shown.filter((told) => told.id === id).map(({ type }) => type)).toEqual(['message.queued', 'message.sending', 'message.sent']);
    expect(shown.map((told) => told.position)).toEqual(shown.map((told) => told.position).sort());
    const next = await send(whole.bearer(token));
    await again.hears('the next', ({ type, id }) => type === 'message.sent' && id === next);
    expect(await again.asks({ type: 'resume', position: shown.at(-1)!.position }, ({ type }) => type === 'resumed')).toMatchObject({ count: 3 });
  });
  it('T38 a storm of 200 sockets that come back at once: each is shown what it missed, once', async () => {
    const owners = await Promise.all([1, 2, 3, 4].map(async () => whole.token(await account(whole, 'user'))));
    const positions = await Promise.all(owners.map(async (text) => { const client = await socket(text); const { position } = await client.asks({ type: 'subscribe', events: ['message.*'] }); client.close(); return position; }));
    for (const text of owners) await whole.shown(whole.bearer(text), await send(whole.bearer(text)), 'sent');
    await until('their first sockets are gone', () => whole.house.api.sockets!.size === 0);
    const storm = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
      const client = await socket(owners[i % 4]);
      client.send({ type: 'subscribe', events: ['message.*'], position: positions[i % 4] });
      return client;
    }));
    for (const client of storm) {
      expect((await client.hears('resumed', ({ type }) => type === 'resumed')).count).toBe(3);
      expect(client.told.map(({ type }) => type)).toEqual(['subscribed', 'message.queued', 'message.sending', 'message.sent', 'resumed']);
    }
  });
  it.each([['future', '9999999999999999'], ['negative', '-000000000000001'], ['of another engine', '00000000000000000001-00000000000000000001'], ['odd', 'zzzz'], ['a long one', '0'.repeat(64)]])('T38 a position that is %s: an error frame, and nothing is subscribed', async (_, position) => {
    const client = await socket();
    expect(await client.asks({ type: 'subscribe', events: ['message.*'], position })).toMatchObject({ type: 'error', code: 'validation_failed', errors: [{ field: 'position', message: expect.any(String) }], in_reply_to: 'subscribe' });
    expect(await client.asks({ type: 'resume', position: '0000000000000001' })).toMatchObject({ type: 'error', detail: expect.stringContaining('Nothing is subscribed to') });
  });
});

describe('T37 too much', () => {
  it('T37 the 51st socket of one owner is refused with Retry-After; others are not, and one may come when one goes', async () => {
    const many = await whole.token(await account(whole, 'user'));
    const sockets = [];
    for (let i = 0; i < 50; i++) sockets.push(await socket(many));
    const last = await refusedHandshake(whole, { query: `?token=${many}` });
    expect([last.status, last.body['code'], last.headers['retry-after']]).toEqual([429, 'rate_limited', '10']);
    expect((await (await socket()).asks({ type: 'ping' })).type).toBe('pong');
    sockets[0]!.close();
    await until('there is room', async () => SocketClient.open(whole, { query: `?token=${many}` }).then((client) => { open.push(client); return true; }, () => false));
  });
  it('T37 pings beyond the allowance of a socket end it: 1008', async () => {
    const client = await socket();
    for (let i = 0; i < 1_000; i++) client.send('{"type":"ping"}');
    expect(await client.isClosed()).toBe(1008);
    expect(client.told.length).toBeLessThan(100);
    const raw = await socket();
    for (let i = 0; i < 1_000; i++) raw.ws.ping();
    expect(await raw.isClosed()).toBe(1008);
  });
  it('T37 1,000 frames over 5 sockets and REST: one limit for all, an error frame with retry_after, and 1008 for who goes on for 5 s; 70 upgrades of nobody: 429', async () => {
    const one = await account(whole, 'user'), text = await whole.token(one);
    const admin = await whole.signedIn('ops', 'admin');
    const sockets = await Promise.all(Array.from({ length: 5 }, () => socket(text)));
    expect((await admin('PUT', '/api/v1/settings', { body: { security: { rate_limit_minute: 60 } } })).status).toBe(200);
    for (let i = 0; i < 200; i++) for (const client of sockets) client.send({ type: 'subscribe', events: ['message.sent'] });
    const replies = await Promise.all(Array.from({ length: 30 }, () => whole.bearer(text)('GET', '/api/v1/messages')));
    await until('every frame is answered', () => sockets.every(({ told }) => told.length === 200));
    const told: Told[] = sockets.flatMap((client) => client.told);
    const taken = told.filter(({ type }) => type === 'subscribed').length + replies.filter(({ status }) => status === 200).length;
    // the five handshakes counted too
    expect(taken).toBeLessThanOrEqual(55);
    expect(taken).toBeGreaterThan(40);
    expect(told.find(({ type }) => type === 'error')).toEqual({ type: 'error', code: 'rate_limited', detail: expect.any(String), retry_after: expect.any(Number), in_reply_to: 'subscribe' });
    const began = performance.now();
    await until('who goes on is closed', () => { sockets[0]!.send({ type: 'subscribe', events: ['message.sent'] }); return sockets[0]!.closed !== null; }, 9_000);
    expect([sockets[0]!.closed!.code, performance.now() - began > 4_000]).toEqual([1008, true]);
    expect(sockets.slice(1).map(({ closed }) => closed)).toEqual([null, null, null, null]);
    // upgrades that are refused count for the address that they come from
    const tries = [];
    for (let i = 0; i < 70; i++) tries.push((await refusedHandshake(whole, {})).status);
    expect([tries[0], tries.at(-1)]).toEqual([401, 429]);
    // the others ask as before
    expect((await (await whole.signedIn('somebody'))('GET', '/api/v1/messages')).status).toBe(200);
    expect((await admin('PUT', '/api/v1/settings', { body: { security: { rate_limit_minute: null } } })).status).toBe(200);
  });
});
