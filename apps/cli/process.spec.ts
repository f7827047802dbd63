import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/node/bin/node');
const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
const socket = join(folder, 'data', 'control.sock');
const env = {
  PATH: process.env['PATH'], DATA_DIR: join(folder, 'data'), SECRETS_DIR: join(folder, 'secrets'), LISTEN_PORTS: '0', MTLS_PORT: '0', GATEWAY_MOCK_PORT: '0', LOG_LEVEL: 'trace', NODE_ENV: 'test',
};

interface Ended { out: string; err: string; code: number | null }
const collected = (child: ChildProcess): Promise<Ended> => {
  let out = '', err = '';
  child.stdout!.on('data', (d) => { out += String(d); });
  child.stderr!.on('data', (d) => { err += String(d); });
  return new Promise((done) => { child.once('close', (code) => done({ out, err, code })); });
};
/** The real program, in a folder without an `.env`. */
const cli = (...words: string[]): Promise<Ended> => collected(spawn(join(ROOT, 'ops/bin/heliograph'), words, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }));

/** A server of its own process; resolves once it says that it is ready. */
async function server(): Promise<{ child: ChildProcess; ended: Promise<Ended> }> {
  const child = spawn(NODE, ['--disable-warning=ExperimentalWarning', join(ROOT, 'dist/apps/standalone/main.js')], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = collected(child);
  await new Promise<void>((ready, failed) => {
    child.stdout!.on('data', (d) => { if (String(d).includes('is ready')) ready(); });
    void ended.then(({ err }) => { failed(new Error(`the server ended: ${err}`)); });
  });
  return { child, ended };
}

describe('the program heliograph', () => {
  // builds where nothing is built yet
  beforeAll(async () => { await cli('--help'); }, 60_000);
  afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

  it('says by its exit code what became of it, and with --json in JSON', async () => {
    expect((await cli('--help')).code).toBe(0);
    expect(await cli('tokens', 'create')).toMatchObject({ code: 2, out: '' });
    expect((await cli('tokens', 'create', '--owner', 'a', '--role', 'king')).code).toBe(2);
    expect((await cli('nonsense')).code).toBe(2);
    const refused = await cli('tokens', 'list', '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: 'secrets', detail: expect.stringContaining('certs init') } });
  }, 30_000);

  it('T76 a token goes from the server to stdout and nowhere else; a socket left by kill -9 is replaced, the server\'s own is taken away at its end', async () => {
    const killed = await server();
    try {
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      expect((await cli('tokens', 'list')).code).toBe(0);
    } finally { killed.child.kill('SIGKILL'); await killed.ended; }
    expect(existsSync(socket)).toBe(true);
    // nobody listens there: the folder itself is opened
    expect((await cli('tokens', 'list')).code).toBe(0);

    const { child, ended } = await server();
    let made: Ended;
    try { made = await cli('tokens', 'create', '--owner', 'ops', '--role', 'admin'); } finally { child.kill('SIGTERM'); }
    const end = await ended;
    expect(made.code).toBe(0);
    const secret = made.out.trim().split('_')[2]!;
    expect(secret).toHaveLength(64);
    for (const text of [made.err, end.out, end.err]) expect(text).not.toContain(secret);
    expect(end.code).toBe(0);
    expect(existsSync(socket)).toBe(false);
  }, 30_000);
});
