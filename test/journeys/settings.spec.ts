/** Settings over the whole house: changed by an administrator, in force at once, told in the audit log, carried to another house. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { patience, WholeHouse, type Client, type Reply } from './whole-house.js';

let whole: WholeHouse, admin: Client, user: Client;
beforeAll(async () => {
  whole = await WholeHouse.open();
  [admin, user] = [await whole.signedIn('ops', 'admin'), await whole.signedIn('shop')];
}, 30_000);
afterAll(() => whole.close());

type Categories = Record<string, Record<string, unknown>>;
const all = async (of: Client = admin): Promise<Categories> => (await of('GET', '/api/v1/settings')).body as unknown as Categories;
const put = async (body: unknown, headers: Record<string, string> = {}, by = admin): Promise<Reply> => {
  const reply = await by('PUT', '/api/v1/settings', { body, headers });
  await whole.seen('settings-audit', reply);
  return reply;
};
const audit = async (query = ''): Promise<Record<string, unknown>[]> => ((await admin('GET', `/api/v1/settings/audit${query}`)).body as unknown as { changes: Record<string, unknown>[] }).changes;
const refused = ({ status, body }: Reply): unknown => [status, body['code']];

describe('settings', () => {
  it('are shown in the categories of the manual and ours, with what the environment says', async () => {
    const settings = await all();
    expect(Object.keys(settings)).toEqual(['email', 'telegram', 'authentication', 'security', 'general', 'gateways', 'retention']);
    expect(settings['security']).toMatchObject({ rate_limit_minute: 1_000_000, webhook_signature_verification: true });
    expect(settings['email']).toMatchObject({ smtp_host: null, smtp_port: 587, smtp_password: { set: false } });
    expect((await admin('GET', '/api/v1/settings/general')).body).toEqual(settings['general']);
    expect((await admin('GET', '/api/v1/settings/nothing')).status).toBe(404);
  });

  it('T72 are for administrators alone', async () => {
    for (const [method, path, body] of [['GET', '/'], ['GET', '/email'], ['GET', '/audit'], ['GET', '/export'], ['PUT', '/', {}], ['POST', '/clear-cache'], ['POST', '/import', { settings: {} }]] as const) {
      expect([path, refused(await user(method, `/api/v1/settings${path === '/' ? '' : path}`, body === undefined ? {} : { body }))]).toEqual([path, [403, 'forbidden']]);
    }
  });

  it('T72 a rate limit counts at the next request, and the old one again once it is taken back', async () => {
    const limitOf = async (): Promise<unknown> => (await user('GET', '/api/v1/messages')).headers['x-ratelimit-limit'];
    expect(await limitOf()).toBe('1000000');
    expect((await put({ security: { rate_limit_minute: 777 }, reason: 'a busy day' })).body).toMatchObject({ security: { rate_limit_minute: 777 } });
    await until('the new limit counts', async () => (await limitOf()) === '777', patience(1_000));
    expect((await user('GET', '/metrics')).text).toMatch(/^heliograph_settings_changed_total\{category="security"\} 1$/m);
    await put({ security: { rate_limit_minute: null } });
    await until('the old limit counts', async () => (await limitOf()) === '1000000', patience(1_000));
  });

  it('T72 who changed what, when and why is told, newest first, with filters and pages', async () => {
    const changes = await audit('?name=security.rate_limit_minute');
    expect(changes).toMatchObject([
      { name: 'security.rate_limit_minute', category: 'security', secret: false, from: 777, to: 1_000_000, from_default: false, to_default: true, who: 'ops', why: null, version: 2 }, { from: 1_000_000, to: 777, from_default: true, to_default: false, who: 'ops', why: 'a busy day', version: 1 },
    ]);
    expect(Math.abs(Date.now() - Date.parse(changes[0]!['when'] as string))).toBeLessThan(60_000);
    expect(await audit('?who=nobody')).toEqual([]);
    expect(await audit('?category=email&name=security.rate_limit_minute')).toEqual([]);
    expect(await audit('?from=2999-01-01T00:00:00Z')).toEqual([]);
    const first = (await admin('GET', '/api/v1/settings/audit?category=security&limit=1')).body;
    const next = await audit(`?category=security&limit=1&after=${first.next}`);
    expect(next).toMatchObject([{ to: 777 }]);
    expect(refused(await admin('GET', `/api/v1/settings/audit?category=email&after=${first.next}`))).toEqual([422, 'invalid_cursor']);
    expect(refused(await admin('GET', '/api/v1/settings/audit?name=nothing.there'))).toEqual([422, 'validation_failed']);
  });

  it('T72 an account is told by its name, and found by it', async () => {
    const id = (await whole.house.accounts.find('SMSadmin'))!;
    const first = await whole.signedIn(id, 'admin');
    expect((await put({ general: { organisation: 'Named' } }, {}, first)).status).toBe(200);
    await until('the view of accounts has him', async () => (await audit('?limit=1'))[0]!['who_name'] !== null);
    for (const who of ['SMSadmin', 'smsADMIN', id]) expect(await audit(`?who=${who}`)).toMatchObject([{ who: id, who_name: 'SMSadmin', to: 'Named' }]);
    expect(await audit('?name=security.rate_limit_minute&limit=1')).toMatchObject([{ who: 'ops', who_name: null }]);
  });

  it('T72 a secret is written only: never shown, never in the log in the open, its mask sent back leaves it', async () => {
    const secret = 'correct horse battery staple';
    const answer = await put({ email: { smtp_password: secret, smtp_user: 'mailer' }, reason: 'first' });
    expect((answer.body as unknown as Categories)['email']).toMatchObject({ smtp_password: { set: true }, smtp_user: 'mailer' });
    for (const same of ['••••••••', '••••', { set: true }]) expect((await put({ email: { smtp_password: same } })).headers['x-heliograph-position']).toBeUndefined();
    await until('the secret is in force', async () => (await whole.house.settings.secret('email.smtp_password')) === secret, 5_000);
    const { events } = await whole.house.engine.eventStore.readAll(null, ['settings-'], 5_000);
    for (const text of [answer.text, JSON.stringify(events), (await admin('GET', '/api/v1/settings/export')).text, (await admin('GET', '/api/v1/settings/audit')).text, JSON.stringify(await all())]) expect(text).not.toContain(secret);
    expect(await audit('?name=email.smtp_password')).toMatchObject([{ secret: true, from: null, to: 'changed' }]);
    await put({ email: { smtp_password: null } });
    expect((await all())['email']).toMatchObject({ smtp_password: { set: false } });
    expect((await audit('?name=email.smtp_password'))[0]).toMatchObject({ from: 'set', to: 'removed' });
    await put({ email: { smtp_password: secret } });
  });

  it.each([
    [{ security: { rate_limit_minute: 0 } }, 'security.rate_limit_minute', 'must be a whole number from 1 to 100000000'], [{ authentication: { access_token_minutes: 0 } }, 'authentication.access_token_minutes', 'from 1 to 1440'],
    [{ authentication: { access_token_minutes: 5_256_000 } }, 'authentication.access_token_minutes', 'from 1 to 1440'], [{ security: { nothing_here: 1 } }, 'security.nothing_here', 'should not exist'],
    [{ nothing: { at_all: 1 } }, 'nothing', 'should not exist'], [{ email: { smtp_host: { $ne: null } } }, 'email.smtp_host', 'must be a host name'], [{ email: { smtp_port: '587' } }, 'email.smtp_port', 'from 1 to 65535'],
    [{ email: { smtp_password: ['x'] } }, 'email.smtp_password', 'must be a text'], [{ email: { smtp_password: { set: true, value: 'x' } } }, 'email.smtp_password', 'must be a text'], [{ email: [] }, 'email', ''],
    [{ security: { ip_deny: ['10.0.0.0/99'] } }, 'security.ip_deny', 'IP addresses'], [{ general: { organisation: 'A' }, role: 'admin' }, 'role', 'should not exist'], [{ constructor: {} }, 'constructor', 'should not exist'],
    [{ general: { organisation: 'A' }, reason: 7 }, 'reason', 'text'], [{ general: { organisation: 'A' }, confirm: 'yes' }, 'confirm', 'boolean'],
  ])('T72 T22 T23 T24 %j is refused, naming what is allowed', async (body, field, message) => {
    const before = await all();
    const answer = await put(body);
    expect([refused(answer), answer.body.errors.map((e) => e.field)]).toEqual([[422, 'validation_failed'], expect.arrayContaining([field])]);
    expect(JSON.stringify(answer.body.errors)).toContain(message);
    expect(await all()).toEqual(before);
  });

  it('T72 a reason has up to 500 characters, and is told as it was given', async () => {
    expect(refused(await put({ general: { organisation: 'A' }, reason: '<script>'.repeat(1_280) }))).toEqual([422, 'validation_failed']);
    const reason = `${'<script>alert(1)</script>'.repeat(20)}`;
    const answer = await put({ general: { organisation: 'Escaped' }, reason });
    const told = await admin('GET', '/api/v1/settings/audit?limit=1');
    expect([answer.status, told.headers['content-type'], told.headers['x-content-type-options']]).toEqual([200, expect.stringContaining('application/json'), 'nosniff']);
    expect(await audit('?limit=1')).toMatchObject([{ to: 'Escaped', why: reason }]);
  });

  it('T22 __proto__ in a settings update is refused and changes no object', async () => {
    for (const raw of ['{"__proto__":{"role":"admin"}}', '{"security":{"__proto__":{"x":1}}}', '{"constructor":{"prototype":{"x":1}}}', '{"security":{"constructor":{}}}']) {
      const answer = await admin('PUT', '/api/v1/settings', { raw, headers: { 'content-type': 'application/json' } });
      expect([raw, [400, 422].includes(answer.status)]).toEqual([raw, true]);
    }
    expect(['x' in {}, 'role' in {}]).toEqual([false, false]);
  });

  it('T72 what switches a protection off, or shuts its caller out, is asked for twice', async () => {
    for (const body of [{ security: { webhook_signature_verification: false } }, { security: { ip_allow: ['198.51.100.0/24'] } }, { security: { ip_deny: ['127.0.0.0/8'] } }, { email: { smtp_tls: false } }]) {
      expect([body, refused(await put(body))]).toEqual([body, [409, 'confirmation_required']]);
    }
    expect((await put({ security: { webhook_signature_verification: false }, confirm: true })).body).toMatchObject({ security: { webhook_signature_verification: false } });
    expect((await put({ security: { webhook_signature_verification: null, ip_allow: ['127.0.0.1', '::1'] } })).status).toBe(200);
    await put({ security: { ip_allow: null } });
  });

  it('T72 of two administrators at once, the one who did not see the other is told', async () => {
    const read = await admin('GET', '/api/v1/settings');
    const etag = read.headers['etag'] as string;
    const both = await Promise.all(['One', 'Two'].map((organisation) => put({ general: { organisation } }, { 'if-match': etag })));
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const winner = both.find(({ status }) => status === 200)!;
    expect(refused(both.find(({ status }) => status === 409)!)).toEqual([409, 'conflict']);
    expect((await all())['general']).toEqual((winner.body as unknown as Categories)['general']);
    expect((await put({ general: { organisation: 'Three' } }, { 'if-match': winner.headers['etag'] as string })).status).toBe(200);
    expect(refused(await put({ general: { organisation: 'Four' } }, { 'if-match': 'nonsense' }))).toEqual([409, 'conflict']);
    // without a word about what was seen, the last one counts, and both stand in the log
    const blind = await Promise.all(Array.from({ length: 8 }, (_, i) => put({ general: { organisation: `Blind ${i}` } })));
    expect(blind.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect((await audit('?name=general.organisation&limit=8')).map(({ to }) => String(to)).toSorted()).toEqual(Array.from({ length: 8 }, (_, i) => `Blind ${i}`));
  });

  it.each([
    'http://169.254.169.254/', 'http://127.0.0.1:5555/', 'http://10.0.0.5/', 'https://user:pass@example.com/', 'http://localhost:9/', 'http://[::1]/', 'http://0x7f.1/', 'https://example.com:25/', 'file:///etc/passwd',
  ])('T66 a gateway at %s is refused', async (url) => {
    for (const body of [{ gateways: { http_url: url } }, { gateways: { sms_url: url } }, { telegram: { api_url: url } }]) {
      expect([body, refused(await put(body)), refused(await admin('POST', '/api/v1/settings/import', { body: { settings: body, dry_run: true } }))]).toEqual([body, [422, 'validation_failed'], [422, 'validation_failed']]);
    }
  });

  it.each(['169.254.169.254', '127.0.0.1', '10.0.0.5', 'localhost', '::1'])('T66 a mail server at %s is refused', async (smtp_host) => {
    expect(refused(await put({ email: { smtp_host } }))).toEqual([422, 'validation_failed']);
  });

  it('T66 what the operator listed is taken, and sent to at once', async () => {
    const before = (await all())['gateways']!['sms_url'];
    const url = `${whole.mock.url}/gateway/gateway.jsp?moved=1`;
    expect((await put({ gateways: { sms_url: url } })).status).toBe(200);
    const { body } = await user('POST', '/api/v1/messages', { body: { to: '+15550002222', body: 'Hello' } });
    await whole.shown(user, body.id, 'sent');
    expect((await put({ gateways: { sms_url: null } })).body).toMatchObject({ gateways: { sms_url: before } });
  });

  it('say honestly what clearing their cache does', async () => {
    expect((await admin('POST', '/api/v1/settings/clear-cache')).body).toMatchObject({ cleared: true, changed: [] });
  });

  it('whoever asks with GET for what is written to alone is told so', async () => {
    for (const path of ['clear-cache', 'import']) expect(await admin('GET', `/api/v1/settings/${path}`)).toMatchObject({ status: 405, headers: { allow: 'POST' }, body: { code: 'method_not_allowed' } });
  });

  it('an import shows what it would change, then makes a fresh house equal; secrets are named, to be set again', async () => {
    await put({ retention: { messages_days: 90 }, security: { ip_deny: ['192.0.2.7'], api_scopes: ['inventory:read'] }, email: { smtp_host: 'smtp.example.com' } });
    const exported = (await admin('GET', '/api/v1/settings/export')).body;
    const other = await WholeHouse.open();
    try {
      const boss = await other.signedIn('boss', 'admin');
      const fresh = await all(boss);
      const asked = { ...exported, reason: 'moved' };
      const preview = (await boss('POST', '/api/v1/settings/import', { body: { ...asked, dry_run: true } })).body;
      expect(preview).toMatchObject({ dry_run: true, secrets_missing: ['email.smtp_password'], changes: expect.arrayContaining([{ name: 'retention.messages_days', from: null, to: 90 }]) });
      expect(await all(boss)).toEqual(fresh);
      expect(refused(await boss('POST', '/api/v1/settings/import?dry_run=true', { body: asked }))).toEqual([422, 'validation_failed']);
      expect(await all(boss)).toEqual(fresh);
      const done = (await boss('POST', '/api/v1/settings/import', { body: asked })).body;
      expect(done).toEqual({ ...preview, dry_run: false });
      const { gateways, ...mine } = await all();
      const { gateways: theirs, ...same } = await all(boss);
      expect(same).toEqual({ ...mine, email: { ...mine['email'], smtp_password: { set: false } } });
      // where nothing was set, each environment's own default counts: the two mocks have ports of their own
      expect({ ...theirs, http_url: '', sms_url: '' }).toEqual({ ...gateways, http_url: '', sms_url: '' });
      expect((await boss('POST', '/api/v1/settings/import', { body: asked })).body).toMatchObject({ changes: [] });
      expect(refused(await boss('POST', '/api/v1/settings/import', { body: { ...asked, settings: { general: { unknown: 1 } } } }))).toEqual([422, 'validation_failed']);
    } finally { await other.close(); }
  }, 30_000);

  it('stay as they are when the house starts again', async () => {
    const before = await all();
    await whole.stop();
    await whole.start();
    [admin, user] = [await whole.signedIn('ops', 'admin'), await whole.signedIn('shop')];
    expect(await all()).toEqual(before);
    expect(whole.house.settings.value('retention.messages_days')).toBe(90);
    expect(await whole.house.settings.secret('email.smtp_password')).toBe('correct horse battery staple');
  }, 30_000);
});
