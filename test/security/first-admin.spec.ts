/** Row T11: what the console shows of the first administrator, from the real program. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Program } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
const program = new Program(folder);
// builds where nothing is built yet
beforeAll(async () => { await program.cli('--help'); }, 60_000);
afterAll(() => { program.end(); rmSync(folder, { recursive: true, force: true }); });

const LINE = /^(?:\[DEV\] )?Generated admin password: (\S+)$/gm;
async function started(): Promise<string> {
  const { child, ended } = await program.start();
  child.kill('SIGTERM');
  const { out, err, code } = await ended;
  expect(code).toBe(0);
  return out + err;
}

describe('T11 the first start', () => {
  it('T11 with a weak ADMIN_PASSWORD is refused, and the reason does not show it', async () => {
    for (const [weak, says] of [['alllower1', 'ADMIN_PASSWORD must hold an upper-case letter'], ['Short1a', 'ADMIN_PASSWORD must be 8 to 128 characters']] as const) {
      program.env['ADMIN_PASSWORD'] = weak;
      const { out, err, code } = await program.serve().ended;
      expect(code).not.toBe(0);
      expect(err).toContain(says);
      expect(out + err).not.toContain(weak);
    }
    delete program.env['ADMIN_PASSWORD'];
  }, 30_000);
  it('T11 shows the password that it generated once on the console, and nowhere else; the second start shows none', async () => {
    const first = await started();
    const [shown, ...more] = [...first.matchAll(LINE)].map(([, password]) => password!);
    expect([shown, more]).toEqual([expect.stringMatching(/^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9]{16,}$/), []]);
    expect(first.split(shown!)).toHaveLength(2);
    for (const file of readdirSync(join(folder, 'data')).filter((name) => !name.endsWith('.sock'))) expect([file, readFileSync(join(folder, 'data', file)).includes(shown!)]).toEqual([file, false]);
    expect(await started()).not.toMatch(/Generated admin password/);
  }, 60_000);
  it('T11 shows it too where the start fails after he was made: the next one would not', async () => {
    const taken = createServer().listen(0, '127.0.0.1'), elsewhere = mkdtempSync(join(tmpdir(), 'heliograph-'));
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const other = new Program(elsewhere);
    try {
      other.env['LISTEN_PORTS'] = String(port);
      const { out, err, code } = await other.serve().ended;
      expect([code, [...out.matchAll(LINE)].length]).toEqual([1, 1]);
      expect(err).toContain(`Something else listens on 127.0.0.1:${port}.`);
    } finally { other.end(); taken.close(); rmSync(elsewhere, { recursive: true, force: true }); }
  }, 60_000);
});
