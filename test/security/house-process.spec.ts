/** Row T76: what the running process shows of itself, and to whom its files belong. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { openWhole } from '#apps/standalone/whole';
import { parseConfiguration } from '#libs/platform/configuration/configuration';
import { SETTINGS } from '#libs/platform/configuration/settings';
import { Program } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

describe('T76 the process', () => {
  const program = new Program(join(folder), { NODE_ENV: 'production' });
  // builds where nothing is built yet
  beforeAll(async () => { await program.cli('--help'); }, 60_000);
  afterAll(() => program.end());

  it.each([['--inspect=127.0.0.1:0', {}], ['--inspect-brk=127.0.0.1:0 by the environment', { NODE_OPTIONS: '--inspect=127.0.0.1:0' }]])('T76 --inspect in production (%s): the start is refused, nothing is made', async (flag, env) => {
    Object.assign(program.env, env);
    const { out, err, code } = await program.serve(...(flag.includes(' ') ? [] : [flag])).ended;
    delete program.env['NODE_OPTIONS'];
    expect({ out, code }).toEqual({ out: '', code: 78 });
    expect(err).toContain('The debugger is on (--inspect)');
    expect([existsSync(join(folder, 'data')), existsSync(join(folder, 'secrets'))]).toEqual([false, false]);
  }, 20_000);

  it('T76 --inspect by SIGUSR1 in production is passed over', async () => {
    expect((await program.cli('certs', 'init')).code).toBe(0);
    const { child, ended } = await program.start();
    child.kill('SIGUSR1');
    await new Promise<void>((said) => { child.stderr!.on('data', (d) => { if (String(d).includes('SIGUSR1')) said(); }); });
    child.kill('SIGTERM');
    const { err, code } = await ended;
    expect(code).toBe(0);
    expect(err).toContain('SIGUSR1 is passed over');
    expect(err).not.toContain('Debugger listening');
  }, 30_000);
});

it('T76 no setting is a secret that lasts and opens something: the environment of a process can be listed by its neighbours', () => {
  const secretive = Object.values(SETTINGS).filter(({ name }) => /PASS|SECRET|TOKEN|KEY|CREDENTIAL/.test(name));
  expect(secretive.map(({ name }) => name).toSorted()).toEqual(['ADMIN_PASSWORD', 'KAFKA_PASSWORD_FILE', 'MASTER_KEY_FILE', 'SECRETS_DIR', 'SECRET_KEY', 'TLS_KEY']);
  // two that the manuals ask for: one counts at the first start alone, and its page says how to be rid of it; the other is never enough by itself
  const said: Record<string, RegExp> = { ADMIN_PASSWORD: /first start.*take it out/, SECRET_KEY: /alone it opens nothing/i };
  for (const { name, meaning } of secretive) expect(meaning).toMatch(said[name] ?? /file|folder|32 bytes/i);
  // an address with a password in it is not taken
  for (const name of ['GATEWAY_HTTP_URL', 'GATEWAY_SMS_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
    expect(() => parseConfiguration({ [name]: 'https://user:hunter2@gateway.example.com/' }, folder)).toThrow(name);
    expect(() => parseConfiguration({ [name]: 'https://user:hunter2@gateway.example.com/' }, folder)).not.toThrow(/hunter2/);
  }
});

it.each(['geteuid', 'getuid'] as const)("T76 another owner: files of somebody else's are refused (%s)", async (asked) => {
  const dir = join(folder, asked);
  const c = parseConfiguration({ NODE_ENV: 'test', LISTEN_PORTS: '0', MTLS_PORT: '0', GATEWAY_MOCK_PORT: '0', DATA_DIR: join(dir, 'data'), SECRETS_DIR: join(dir, 'secrets'), LOG_LEVEL: 'silent' }, folder);
  await (await openWhole(c)).close();
  // the secrets ask by one name, the data folder by the other: ['geteuid', 'getuid']
  const mine = jest.spyOn(process, asked).mockReturnValue(4_711);
  try {
    await expect(openWhole(c)).rejects.toThrow(/belongs to another user/);
  } finally { mine.mockRestore(); }
  await (await openWhole(c)).close();
});
