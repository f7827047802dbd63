/** Row T85: whatever outsiders send, the number of series stays what it is; and what an operator needs is counted. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { request } from '#libs/platform/http/testing/raw-http';
import { Ground } from './rows/ground.js';

let ground: Ground;
beforeAll(async () => { ground = await Ground.open({ RATE_LIMIT_MINUTE: '400' }); }, 30_000);
afterAll(() => ground.close());

/** Every series of ours, without those of Node itself, which come and go by kind of handle. */
const series = async (): Promise<Map<string, number>> => {
  const { text } = await ground.user('GET', '/metrics');
  return new Map(text.split('\n').filter((line) => /^heliograph_(?!nodejs_|process_)/.test(line)).map((line) => { const at = line.lastIndexOf(' '); return [line.slice(0, at), Number(line.slice(at + 1))]; }));
};
const METHODS = ['GET', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'SEARCH', 'LOCK', 'FOO'];

it('T85 300 paths, methods, user agents and tokens of somebody\'s own make a handful of series, none of which names them', async () => {
  const send = (i: number): Promise<unknown> => ground.raw(request(`${METHODS[i % METHODS.length]} /odd-${i}/x?q=odd-${i}`, [`User-Agent: odd-${i}`, `Authorization: Bearer odd-${i}`, `X-Request-Id: odd-${i}`]));
  await Promise.all(Array.from({ length: 16 }, (_, i) => send(i)));
  await series(); // its own route is a series too
  const before = await series();
  for (let i = 16; i < 316; i += 20) await Promise.all(Array.from({ length: 20 }, (_, k) => send(i + k)));
  const after = await series();
  expect([...after.keys()].filter((name) => !before.has(name))).toEqual([]);
  expect(after.size).toBeLessThan(400);
  expect([...after.keys()].join('\n')).not.toMatch(/odd-|FOO|PROPFIND/);
  expect(after.get('heliograph_http_requests_total{method="other",route="unknown",status="404"}')).toBeGreaterThan(250);
  expect(after.get('heliograph_http_unreadable_total{code="invalid_request"}')).toBeGreaterThan(30);
});

it('counts what was accepted, appended, called, refused and limited, and says when certificates end', async () => {
  const { body: { id } } = await ground.user('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'counted' }, headers: { 'idempotency-key': 'counted' } });
  await ground.whole.shown(ground.user, id, 'sent');
  await ground.user('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'counted' }, headers: { 'idempotency-key': 'counted' } });
  await ground.user('POST', '/api/v1/messages', { body: { sender_number: '+15550001111', message_body: 'counted' } });
  await ground.user('POST', '/api/v1/messages/batch', { body: { messages: [{ to: '+15550002222', body: 'a' }, { to: 'x', body: 'b' }, { to: '+15550002222', body: 'c' }] } });
  await ground.whole.bearer(`hgt_${'0'.repeat(32)}_${'0'.repeat(64)}`)('GET', '/api/v1/messages');
  await until('the limit is reached', async () => (await ground.user('GET', '/api/v1/messages')).status === 429);
  const now = await series();
  expect(Object.fromEntries(['native', 's1', 'batch'].map((form) => [form, now.get(`heliograph_messages_accepted_total{form="${form}"}`)]))).toEqual({ native: 1, s1: 1, batch: 2 });
  expect(now.get('heliograph_appends_total')).toBeGreaterThan(5);
  expect(now.get('heliograph_gateway_calls_total{gateway="sms",outcome="sent",problem="none"}')).toBeGreaterThan(0);
  expect(now.get('heliograph_refused_credentials_total{reason="invalid_token"}')).toBe(1);
  expect(now.get('heliograph_rate_limited_total{credential="api-token"}')).toBe(1);
  for (const certificate of ['server', 'ca']) expect(now.get(`heliograph_certificate_end_timestamp_seconds{certificate="${certificate}"}`)! - Date.now() / 1000).toBeGreaterThan(86_400);
  for (const follower of ['message-log', 'due-work', 'live']) expect(now.get(`heliograph_follower_silent_seconds{follower="${follower}"}`)).toBeLessThan(30);
  expect((await ground.user('GET', '/metrics')).text).toMatch(/^heliograph_process_start_time_seconds \d+/m);
});

it('T85 gateways may answer what they like: a series has one of our own words', async () => {
  const { whole } = ground, sender = await whole.signedIn('gateway-owner');
  const send = async (): Promise<void> => {
    const { body } = await sender('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'x', gateway: 'quick', channel: 'sms' } });
    await until('an attempt has ended', async () => (await whole.events(body.id)).some(({ type }) => /^Attempt(Failed|Unknown|Sent)$/.test(type)));
  };
  for (const status of [400, 404, 418, 429, 500, 501, 503, 599]) { whole.mock.setFault({ kind: 'status', status }); await send(); }
  whole.mock.setFault({ kind: 'garbage' });
  await send();
  whole.mock.clearFaults();
  const names = [...(await series()).keys()].filter((name) => name.startsWith('heliograph_gateway_calls_total'));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(name).toMatch(/^heliograph_gateway_calls_total\{gateway="(sms|http|quick|held)",outcome="(sent|failed|unknown)",problem="[a-z_]{1,24}"\}$/);
  expect(names.join()).not.toMatch(/418|599|50[013]/);
}, 20_000);

it('T85 /health and /ready tell outsiders no version, and nothing of the inside', async () => {
  const [health, ready] = [await ground.whole.showing({})('GET', '/health'), await ground.whole.showing({})('GET', '/ready')];
  expect([health.status, ready.status]).toEqual([200, 200]);
  for (const { text, headers } of [health, ready]) {
    expect(text).not.toMatch(/\d+\.\d+\.\d+|node|sqlite|nest|fastify|pid|host/i);
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['server']));
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['x-powered-by']));
  }
});
