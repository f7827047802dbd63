/** API keys over the whole house: made, shown once, limited, logged, ended. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { ChangeRole, DisableUser } from '#libs/identity/user/user.decider';
import { account, apiKey, person, type Person } from '../journeys/principals.js';
import { WholeHouse, type Client } from '../journeys/whole-house.js';

const KEYS = '/api/v1/api-keys';
const WANTED = { name: 'CI/CD Pipeline', description: 'Automated deployments', scopes: ['messages:send', 'messages:read', 'inventory:read'], expires_in_days: 90 };
const context = { principal: 'local:spec', correlationId: 'spec', causationId: 'spec' };

let whole: WholeHouse, operator: Person, admin: Person, ask: Client;
beforeAll(async () => {
  whole = await WholeHouse.open();
  [operator, admin] = [await person(whole, 'operator'), await person(whole, 'admin')];
  ask = operator.as['api-token'];
}, 20_000);
afterAll(() => whole.close());

const create = async (change: object = {}, by: Client = ask): Promise<{ id: string; key: string }> => {
  const { status, body, text } = await by('POST', KEYS, { body: { ...WANTED, ...change } });
  if (status !== 201) throw new Error(text);
  return { id: body.id, key: body['key'] as string };
};
const withKey = (key: string): Client => whole.showing({ 'x-api-key': key });
const NO = { status: 401, detail: 'Invalid or revoked API key' };
const refusedAs = async (by: Client): Promise<object> => { const { status, body } = await by('GET', '/api/v1/messages'); return { status, detail: body.detail }; };

describe('an API key', () => {
  it('T69 is shown once, with at least 32 random bytes; lists keep 15 characters of it, and nothing on disk holds it', async () => {
    const { status, body } = await ask('POST', KEYS, { body: WANTED });
    expect(status).toBe(201);
    const key = body['key'] as string;
    expect(Buffer.from(key.split('_')[2]!, 'hex').length).toBeGreaterThanOrEqual(32);
    expect(body).toMatchObject({ ...WANTED, id: expect.stringMatching(/^key_[0-9a-f]{32}$/), prefix: key.slice(0, 15), owner: operator.id, active: true, state: 'active', last_used_at: null });
    const { key: _key, ...shown } = body;
    expect((await ask('GET', `${KEYS}/${body.id}`)).body).toEqual(shown);
    const listed = (await ask('GET', KEYS)).body['api_keys'] as object[];
    expect(listed).toContainEqual(shown);
    await withKey(key)('GET', '/api/v1/messages');
    for (const file of readdirSync(join(whole.dir, 'data'))) if (!file.endsWith('.sock')) expect([file, readFileSync(join(whole.dir, 'data', file)).includes(key.split('_')[2]!)]).toEqual([file, false]);
  });
  it('T69 opens what its scopes say, as the account that made it', async () => {
    const by = withKey((await create()).key);
    const sent = await by('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'by key', send_at: '2099-01-01T00:00:00Z' } });
    expect(sent.status).toBe(202);
    expect((await ask('GET', `/api/v1/messages/${sent.body.id}`)).status).toBe(200);
  });
  it('T69 changed, unknown, revoked, or only its prefix: one answer', async () => {
    const { id, key } = await create();
    const at = key.length - 1;
    const changed = key.slice(0, at) + (key[at] === '0' ? '1' : '0');
    for (const wrong of [changed, key.slice(0, 15), `hgk_${'0'.repeat(32)}_${'0'.repeat(64)}`, key.toUpperCase(), 'x']) expect(await refusedAs(withKey(wrong))).toEqual(NO);
    expect(await refusedAs(withKey(key))).toMatchObject({ status: 200 });
    expect((await ask('DELETE', `${KEYS}/${id}`)).body).toMatchObject({ active: false, state: 'revoked', revoked_because: 'requested' });
    await until('it opens nothing', async () => (await withKey(key)('GET', '/api/v1/messages')).status === 401, 5_000);
    expect(await refusedAs(withKey(key))).toEqual(NO);
    expect((await ask('DELETE', `${KEYS}/${id}`)).status).toBe(200);
  });
  it('T69 in the query or the body it is nobody; beside another credential it is one too many', async () => {
    const { key } = await create();
    const nobody = whole.showing({});
    expect((await nobody('GET', `/api/v1/messages?api_key=${key}`)).status).toBe(401);
    expect((await nobody('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'x', api_key: key } })).status).toBe(401);
    expect((await nobody('GET', '/api/v1/messages', { headers: { authorization: `Bearer ${key}` } })).status).toBe(401);
    expect((await ask('GET', '/api/v1/messages', { headers: { 'x-api-key': key } })).body['code']).toBe('two_credentials');
    expect((await withKey(key)('GET', '/api/v1/messages', { headers: { authorization: `Bearer ${await whole.token(admin.id, 'admin')}` } })).status).toBe(400);
  });
  it('T70 a missing scope is named', async () => {
    const by = withKey((await create({ scopes: ['messages:read'] })).key);
    expect(await by('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'x' } })).toMatchObject({ status: 403, body: { code: 'missing_scope', scope: 'messages:send' } });
    expect((await by('GET', '/api/v1/messages')).status).toBe(200);
    expect((await withKey((await create({ scopes: ['messages:*'] })).key)('GET', '/api/v1/messages')).status).toBe(200);
    expect((await by('GET', KEYS)).body['scope']).toBe('apikeys:read');
  });
  it.each(['*', '*:*', 'tickets:**', ':read', 'TICKETS:READ', 'tickets:read\u0000', 'poultry:read', 'profile:write', 'users:manage', 'certificates:write', 'settings:write'])('T70 no key carries %j', async (scope) => {
    const { status, body } = await admin.as['api-token']('POST', KEYS, { body: { ...WANTED, scopes: [scope] } });
    expect([status, body.errors?.[0]?.field]).toEqual([422, 'scopes[0]']);
  });
  it('T70 nobody grants what he does not hold, nor does his key', async () => {
    for (const scope of ['admin:*', 'users:*', 'settings:read', 'certificates:*']) expect(await ask('POST', KEYS, { body: { ...WANTED, scopes: [scope] } })).toMatchObject({ status: 403, body: { code: 'not_granted', scopes: [scope] } });
    const byKey = withKey((await create({ scopes: ['apikeys:*'] }, admin.as['api-token'])).key);
    expect((await byKey('POST', KEYS, { body: { ...WANTED, scopes: ['admin:*'] } })).status).toBe(403);
    expect((await byKey('POST', KEYS, { body: { ...WANTED, scopes: ['apikeys:read'], expires_in_days: 89 } })).status).toBe(201);
    const user = await person(whole, 'user');
    expect((await user.as['api-token']('POST', KEYS, { body: WANTED })).status).toBe(403);
  });
  it.each([0, 366, -1, 1.5, '90'])('T71 expires_in_days %p is refused', async (days) => {
    expect((await ask('POST', KEYS, { body: { ...WANTED, expires_in_days: days } })).body.errors[0]!.field).toBe('expires_in_days');
  });
  it('T71 a key that a key makes does not outlive it', async () => {
    const asked = async (by: Client, days: number): Promise<string> => { const { status, body } = await by('POST', KEYS, { body: { ...WANTED, scopes: ['apikeys:read'], expires_in_days: days } }); return `${status} ${((body['errors'] ?? []) as { field: string; message: string }[]).map((e) => `${e.field} ${e.message}`).join()}`.trim(); };
    const parent = withKey((await create({ scopes: ['apikeys:*'], expires_in_days: 3 })).key);
    expect(await asked(parent, 3)).toBe('422 expires_in_days must be at most 2: so many days are left of the key that asks');
    expect(await asked(parent, 2)).toBe('201');
    const short = withKey((await create({ scopes: ['apikeys:*'], expires_in_days: 1 })).key);
    expect(await asked(short, 1)).toBe('422 expires_in_days the key that asks ends in less than a day: it makes none');
  });
  it('T71 belongs to an account: an owner without one makes none', async () => {
    expect((await (await whole.signedIn('nobody', 'admin'))('POST', KEYS, { body: WANTED })).status).toBe(403);
  });
  it('T71 goes down with its account: at once to what the account still may, and ends with it', async () => {
    const { bus } = whole.house.api;
    const owner = await account(whole, 'operator');
    const by = withKey((await apiKey(whole, owner, ['apikeys:*', 'messages:*'])).text);
    expect((await by('GET', KEYS)).status).toBe(200);
    await bus.execute(new ChangeRole(owner, { role: 'user', by: null, othersRemain: true }, context));
    await until('its owner\'s role counts', async () => (await by('GET', KEYS)).status === 403, 5_000);
    expect((await by('GET', '/api/v1/messages')).status).toBe(200);
    await bus.execute(new DisableUser(owner, { reason: null, by: null, othersRemain: true }, context));
    await until('it ended with its owner', async () => (await by('GET', '/api/v1/messages')).status === 401, 5_000);
    expect(await refusedAs(by)).toEqual(NO);
  });
  it('T71 every use is logged with route template, status and address, without key and body', async () => {
    const { id, key } = await create();
    const by = withKey(key);
    await by('GET', '/api/v1/messages?limit=1');
    await by('GET', '/api/v1/messages/msg_secret');
    await by('GET', KEYS);
    await until('all three are written', async () => (await ask('GET', `${KEYS}/${id}/analytics`)).body['total_requests'] === 3, 5_000);
    const { body } = await ask('GET', `${KEYS}/${id}/usage`);
    expect((body['uses'] as { at: string }[]).map(({ at: _at, ...use }) => use).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual([
      { method: 'GET', endpoint: '/api/v1/api-keys', status: 403, address: '127.0.0.1' },
      { method: 'GET', endpoint: '/api/v1/messages', status: 200, address: '127.0.0.1' },
      { method: 'GET', endpoint: '/api/v1/messages/:id', status: 404, address: '127.0.0.1' },
    ]);
    expect((await ask('GET', `${KEYS}/${id}/analytics`)).body).toMatchObject({ errors: 2, error_rate: 2 / 3, last_used_at: expect.any(String), endpoints: [{ endpoint: '/api/v1/api-keys', requests: 1, errors: 1 }, { endpoint: '/api/v1/messages', requests: 1 }, { endpoint: '/api/v1/messages/:id', requests: 1 }] });
    const { events } = await whole.house.engine.eventStore.readAll(null, ['keyuse-'], 1_000);
    expect(JSON.stringify(events)).not.toContain(key.split('_')[2]);
    expect(JSON.stringify(events)).not.toContain('127.0.0.1');
    const pages = [await ask('GET', `${KEYS}/${id}/usage?limit=2`)];
    pages.push(await ask('GET', `${KEYS}/${id}/usage?limit=2&after=${pages[0]!.body.next}`));
    expect(pages.flatMap((p) => p.body['uses'] as object[])).toEqual(body['uses']);
  });
  it('T71 what waits to be logged is written when the house ends', async () => {
    const own = await WholeHouse.open();
    try {
      const owner = await account(own, 'operator');
      const { id, text } = await apiKey(own, owner, ['messages:read']);
      expect((await own.showing({ 'x-api-key': text })('GET', '/api/v1/messages')).status).toBe(200);
      await own.stop();
      await own.start();
      await until('it is counted', async () => (await own.bearer(await own.token(owner, 'operator'))('GET', `${KEYS}/key_${id}/analytics`)).body['total_requests'] === 1, 5_000);
    } finally { await own.close(); }
  }, 20_000);
  it('made again with the same Idempotency-Key is the same one, and its secret is not shown again; 100 at once make one', async () => {
    const headers = { 'idempotency-key': 'deploy-1' };
    const all = await Promise.all(Array.from({ length: 100 }, () => ask('POST', KEYS, { body: WANTED, headers })));
    expect(new Set(all.map((r) => `${r.status} ${r.body.id}`)).size).toBe(1);
    expect(all.filter((r) => r.body['key'] !== null)).toHaveLength(1);
    const again = await ask('POST', KEYS, { body: WANTED, headers });
    expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' }, body: { key: null } });
    expect((await ask('POST', KEYS, { body: { ...WANTED, name: 'other' }, headers })).body['code']).toBe('idempotency_mismatch');
  });
});

describe('T29 somebody else\'s API key', () => {
  it('is not there, byte for byte, and an administrator sees it', async () => {
    const { id } = await create();
    const stranger = await person(whole, 'operator'), other = stranger.as['api-token'];
    const bytes = (text: string, of: string): string => text.replaceAll(of, 'ID');
    for (const [method, rest] of [['GET', ''], ['DELETE', ''], ['GET', '/usage'], ['GET', '/analytics']] as const) {
      const unknown = `key_${'0'.repeat(32)}`;
      const [theirs, none] = [await other(method, `${KEYS}/${id}${rest}`), await other(method, `${KEYS}/${unknown}${rest}`)];
      expect([theirs.status, bytes(theirs.text, id)]).toEqual([404, bytes(none.text, unknown)]);
      if (method === 'GET') expect((await admin.as['api-token'](method, `${KEYS}/${id}${rest}`)).status).toBe(200);
    }
    expect((await ask('GET', `${KEYS}/${id}`)).body['active']).toBe(true);
    expect(((await other('GET', KEYS)).body['api_keys'] as { owner: string }[]).map((k) => k.owner)).toEqual([stranger.id]);
    expect(((await other('GET', `${KEYS}?owner=${operator.id}`)).body['api_keys'] as object[])).toEqual([]);
    expect(((await admin.as['api-token']('GET', `${KEYS}?owner=${operator.id}`)).body['api_keys'] as { id: string }[]).map((k) => k.id)).toContain(id);
  });
});

describe('the verification of keys for host applications', () => {
  const verify = async (body: object, by: Client = ask): Promise<object> => (await by('POST', `${KEYS}/verify`, { body })).body;
  it('says of a good key who and what, and which scopes it lacks', async () => {
    const host = withKey((await create({ scopes: ['apikeys:verify'] })).key);
    const { id, key } = await create({ scopes: ['inventory:read', 'tickets:*'] });
    expect(await verify({ key, scopes: ['inventory:read', 'tickets:delete'] }, host)).toEqual({ valid: true, reason: null, id, owner: operator.id, name: WANTED.name, scopes: ['inventory:read', 'tickets:*'], expires_at: expect.any(String), missing_scopes: [] });
    expect(await verify({ key, scopes: ['inventory:write'] }, host)).toMatchObject({ valid: false, reason: 'missing_scope', missing_scopes: ['inventory:write'] });
    await until('the key\'s own log tells it', async () => (await ask('GET', `${KEYS}/${id}/analytics`)).body['total_requests'] === 2, 5_000);
  });
  it('says nothing of a key that is not good', async () => {
    const { id, key } = await create();
    await ask('DELETE', `${KEYS}/${id}`);
    await until('it is ended', async () => (await withKey(key)('GET', '/api/v1/messages')).status === 401, 5_000);
    for (const wrong of [key, 'x', `hgk_${'0'.repeat(32)}_${'0'.repeat(64)}`]) expect(await verify({ key: wrong })).toEqual({ valid: false, reason: 'invalid_api_key', id: null, owner: null, name: null, scopes: [], expires_at: null, missing_scopes: [] });
  });
  it('drops what the key\'s owner no longer may', async () => {
    const owner = await account(whole, 'operator');
    const { text } = await apiKey(whole, owner, ['inventory:read', 'messages:send']);
    await whole.house.api.bus.execute(new ChangeRole(owner, { role: 'user', by: null, othersRemain: true }, context));
    await until('the role counts', async () => ((await verify({ key: text })) as { scopes: string[] }).scopes.length === 1, 5_000);
    expect(await verify({ key: text })).toMatchObject({ valid: true, scopes: ['messages:send'] });
  });
});
