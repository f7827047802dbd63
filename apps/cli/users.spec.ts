import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FIRST_ADMIN } from '#libs/identity/user/first-admin';
import { LivedInHouse } from './testing/lived-in-house.js';

type Rows = Record<string, unknown>[];

describe('accounts on the command line', () => {
  const lived = new LivedInHouse();
  beforeAll(async () => { await lived.prepare(); await lived.start(); }, 30_000);
  afterAll(() => lived.end());

  it('are made with a password that is printed alone, once, and opens them', async () => {
    const { out, err } = await lived.run('users', 'create', 'ada', '--email', 'ada@example.com', '--full-name', 'Ada Lovelace', '--role', 'admin');
    expect(out).toMatch(/^[A-Za-z0-9]{20}\n$/);
    expect(err).toMatch(/^Account ada \(usr_[0-9a-f]{32}, admin\)\. The password must be changed/);
    const id = (await lived.house!.accounts.find('ada@example.com'))!;
    expect(await lived.house!.accounts.checkPassword(id, out.trim())).toBe(true);
  });
  it('take a password from a file, by the rule', async () => {
    const file = join(lived.folder, 'password');
    writeFileSync(file, 'Passw0rd\n');
    expect(await lived.json('users', 'create', 'bob@example.com', '--password-file', file)).toMatchObject({ username: null, email: 'bob@example.com', role: 'user', password: null, must_change_password: true });
    expect(await lived.house!.accounts.checkPassword(await lived.house!.accounts.find('bob@example.com'), 'Passw0rd')).toBe(true);
    writeFileSync(file, 'alllower1\n');
    expect((await lived.run('users', 'password', 'ada', '--password-file', file)).failed).toMatchObject({ exit: 1, failure: { code: 'validation_failed' } });
    expect((await lived.run('users', 'password', 'ada', '--password-file', '/does/not/exist')).failed).toMatchObject({ exit: 2 });
    expect((await lived.run('users', 'password', 'ada')).out).toMatch(/^[A-Za-z0-9]{20}\n$/);
  });
  it('are listed and found', async () => {
    expect(((await lived.json('users', 'list'))['users'] as Rows).map((u) => u['username'] ?? u['email'])).toEqual(['ada', 'bob@example.com', FIRST_ADMIN]);
    expect(((await lived.json('users', 'list', '--search', 'love'))['users'] as Rows).map((u) => u['username'])).toEqual(['ada']);
    expect((await lived.run('users', 'list', '--search', 'nobody')).out).toBe('There are none.\n');
    expect((await lived.run('users', 'list', '--limit', '1')).out).toContain('There are more');
  });
  it('are disabled, enabled, given a role and deleted, by any of their names; T11 never the last administrator', async () => {
    expect(await lived.json('users', 'disable', 'BOB@example.com', '--reason', 'on leave')).toMatchObject({ status: 'disabled' });
    expect(await lived.json('users', 'enable', 'bob@example.com')).toMatchObject({ status: 'active' });
    expect(await lived.json('users', 'role', 'bob@example.com', 'operator')).toMatchObject({ role: 'operator' });
    expect((await lived.run('users', 'role', 'bob@example.com', 'root')).failed).toMatchObject({ exit: 2 });
    expect(await lived.json('users', 'disable', 'ada')).toMatchObject({ status: 'disabled' });
    for (const words of [['disable', FIRST_ADMIN], ['delete', FIRST_ADMIN], ['role', FIRST_ADMIN, 'user']]) expect([words, (await lived.run('users', ...words)).failed]).toMatchObject([words, { exit: 1, failure: { code: 'last_admin', detail: expect.stringMatching(/^Nobody may disable/) } }]);
    expect((await lived.run('users', 'delete', 'bob@example.com')).out).toMatch(/^bob@example\.com \(usr_[0-9a-f]{32}\) is deleted\.\n$/);
    expect((await lived.run('users', 'delete', 'bob@example.com')).failed).toMatchObject({ exit: 1, failure: { code: 'not_found' } });
  });
  it('are looked after where no server runs, too', async () => {
    await lived.stop();
    const { id } = await lived.json('users', 'create', 'carol', '--role', 'admin');
    expect(await lived.json('users', 'disable', FIRST_ADMIN)).toMatchObject({ status: 'disabled' });
    expect((await lived.run('users', 'delete', String(id))).failed).toMatchObject({ failure: { code: 'last_admin' } });
    expect(((await lived.json('users', 'list', '--status', 'active'))['users'] as Rows).map((u) => u['username'])).toEqual(['carol']);
    await lived.start();
    expect(await lived.house!.accounts.find('carol')).toBe(id);
    expect(lived.house!.generatedPassword).toBeNull();
  }, 30_000);
});
