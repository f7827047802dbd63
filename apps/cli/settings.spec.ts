import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LivedInHouse, until } from './testing/lived-in-house.js';

const lived = new LivedInHouse();
beforeAll(() => lived.prepare());
afterAll(() => lived.end());
/** A folder is opened anew by each command where no server runs. */
const LONG = 30_000;

/** A file in the house's folder. */
const file = (name: string, text: string): string => {
  const path = join(lived.folder, name);
  writeFileSync(path, text);
  return path;
};

describe('settings on the command line', () => {
  it('are shown, all of them, of one category, or one with what it means', async () => {
    await lived.start();
    expect((await lived.run('settings', 'list')).out).toMatch(/^SETTING +VALUE\n.*email\.smtp_password +\(not set\)\n.*security\.rate_limit_minute +100000\n/s);
    expect((await lived.run('settings', 'list', '--category', 'general')).out).toBe('SETTING               VALUE\ngeneral.organisation  Heliograph\ngeneral.public_url    -\n');
    expect(await lived.run('settings', 'get', 'email.smtp_port')).toMatchObject({ out: '587\n', err: expect.stringContaining('a whole number from 1 to 65535') });
    expect((await lived.run('settings', 'get', 'email.nothing')).failed).toMatchObject({ exit: 1, failure: { code: 'not_found' } });
    expect((await lived.run('settings', 'list', '--category', 'nothing')).failed?.exit).toBe(2);
  }, LONG);

  it('are set beside a running server, which follows at once', async () => {
    expect((await lived.run('settings', 'set', 'security.rate_limit_minute', '50000', '--reason', 'fewer')).out).toBe('SETTING                     WAS        IS\nsecurity.rate_limit_minute  (default)  50000\n');
    await until(async () => lived.house!.settings.value('security.rate_limit_minute') === 50_000);
    expect((await lived.run('settings', 'set', 'security.rate_limit_minute', '50000')).out).toBe('It is as it was.\n');
    await lived.json('settings', 'set', 'security.ip_deny', '192.0.2.7, 2001:db8::/32');
    await until(async () => lived.house!.settings.value('security.ip_deny').length === 2);
    expect(await lived.json('settings', 'set', 'security.ip_deny', '--default')).toMatchObject({ changes: [{ from: ['192.0.2.7', '2001:db8::/32'], to: null }] });
    expect(await lived.json('settings', 'set', 'security.ip_allow', '198.51.100.1')).toMatchObject({ secrets: [] });
    expect((await lived.run('settings', 'set', 'telegram.default_chat_id', '--', '-1001234567890')).out).toContain('-1001234567890');
    await lived.json('settings', 'set', 'security.ip_allow', '');
    expect((await lived.house!.engine.eventStore.read('settings-all', 0, 1))[0]).toMatchObject({ data: { by: 'local', reason: 'fewer' }, metadata: { principal: 'local:cli' } });
  });

  it.each([
    [['security.rate_limit_minute', '0'], 1, 'validation_failed'], [['security.rate_limit_minute', 'many'], 1, 'validation_failed'], [['gateways.http_url', 'http://10.0.0.5/'], 1, 'validation_failed'],
    [['security.webhook_signature_verification', 'false'], 1, 'confirmation_required'], [['nothing.at_all', '1'], 1, 'not_found'], [['email.smtp_port'], 2, 'usage'], [['email.smtp_port', '25', '--default'], 2, 'usage'],
    [['email.smtp_password', 'on the command line'], 2, 'usage'], [['email.smtp_password', '--file', '/nowhere/at/all'], 2, 'usage'],
  ])('set %j is refused', async (words, exit, code) => { expect((await lived.run('settings', 'set', ...words)).failed).toMatchObject({ exit, failure: { code } }); });

  it('take a secret from a file, and never show it', async () => {
    expect((await lived.run('settings', 'set', 'email.smtp_password', '--file', file('password', 'correct horse\n'))).out).toContain('email.smtp_password  (secret)  (changed)');
    await until(async () => (await lived.house!.settings.secret('email.smtp_password')) === 'correct horse');
    for (const words of [['list'], ['get', 'email.smtp_password'], ['export']]) expect((await lived.run('settings', ...words)).out).not.toContain('correct horse');
    expect((await lived.run('settings', 'get', 'email.smtp_password')).out).toBe('(set)\n');
    expect(await lived.json('settings', 'set', 'security.webhook_signature_verification', 'false', '--confirm')).toMatchObject({ changes: [{ to: false }] });
  });

  it('are exported, and imported where no server runs', async () => {
    const path = file('export.json', (await lived.run('settings', 'export')).out);
    await lived.stop();
    await lived.json('settings', 'set', 'security.rate_limit_minute', '7');
    await lived.json('settings', 'set', 'email.smtp_password', '--default');
    const preview = await lived.run('settings', 'import', path, '--dry-run');
    expect(preview.out).toBe('SETTING                     WAS  IS\nsecurity.rate_limit_minute  7    50000\n');
    expect(preview.err).toBe('Set these again, no export holds them: email.smtp_password.\n');
    expect((await lived.json('settings', 'get', 'security.rate_limit_minute'))['value']).toBe(7);
    expect(await lived.json('settings', 'import', path, '--reason', 'restored')).toMatchObject({ dry_run: false, changes: [{ name: 'security.rate_limit_minute', to: 50_000 }], secrets_missing: ['email.smtp_password'] });
    expect((await lived.run('settings', 'import', path)).out).toBe('All is as it says already.\n');
    for (const text of ['[]', '{}', 'no JSON', '{"format":"other","settings":{}}']) expect((await lived.run('settings', 'import', file('bad.json', text))).failed).toMatchObject({ exit: 2, failure: { code: 'usage' } });
    expect((await lived.run('settings', 'import', file('bad.json', '{"settings":{"general":{"unknown":1}}}'))).failed).toMatchObject({ exit: 1, failure: { code: 'validation_failed' } });
  }, LONG);
});
