/** Row T11: SECRET_KEY, on the real program. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Program } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
const program = new Program(folder, { ADMIN_PASSWORD: 'YourSecurePassword123' });
// builds where nothing is built yet
beforeAll(async () => { await program.cli('--help'); }, 60_000);
afterAll(() => { program.end(); rmSync(folder, { recursive: true, force: true }); });

const KEY = 'q8ZtV3nXw1Lr7KfYc5Jm0Ub9Hd2Sg6PeAi4o', OTHER = 'e4Pi6Gs2Dh9Bu0Mj5Cy7Fk1Rl3Wn8XvTz8qQ';
const said: string[] = [];
/** Starts the server with this key, asks it, ends it. */
async function under<T>(key: string | null, ask: (url: string) => Promise<T>): Promise<T> {
  if (key === null) delete program.env['SECRET_KEY']; else program.env['SECRET_KEY'] = key;
  const { child, ended, url } = await program.start();
  try { return await ask(url); } finally {
    child.kill('SIGTERM');
    const { out, err, code } = await ended;
    said.push(out, err);
    expect(code).toBe(0);
  }
}
interface Signed { token: string; cookie: string }
const signedIn = async (url: string): Promise<Signed> => {
  const reply = await fetch(`${url}/auth/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'SMSadmin', password: 'YourSecurePassword123' }) });
  expect(reply.status).toBe(200);
  return { token: (await reply.json() as { access_token: string }).access_token, cookie: reply.headers.getSetCookie()[0]!.split(';')[0]! };
};
const asWhom = ({ token, cookie }: Signed) => async (url: string): Promise<number[]> =>
  Promise.all([{ authorization: `Bearer ${token}` }, { cookie }].map(async (headers) => (await fetch(`${url}/auth/me`, { headers })).status));

describe('T11 SECRET_KEY', () => {
  it.each([['of 31 characters', 'dKx8Qp2Lm5Vn7Rt3Ws9Yb4Hc6Jf1Gz0'], ['of the manual', 'your-secret-key-here']])('T11 %s: the start is refused, and the reason does not show it', async (_, weak) => {
    program.env['SECRET_KEY'] = weak;
    const { out, err, code } = await program.serve().ended;
    expect(code).not.toBe(0);
    expect(err).toContain('SECRET_KEY must be 32 to 1,024 printable characters');
    expect(out + err).not.toContain(weak);
  }, 30_000);
  it('takes part in what signs: sessions go on under the same one, and end under another or none', async () => {
    const signed = await under(KEY, signedIn);
    expect(await under(KEY, asWhom(signed))).toEqual([200, 200]);
    expect(await under(OTHER, asWhom(signed))).toEqual([401, 401]);
    expect(await under(null, asWhom(signed))).toEqual([401, 401]);
    const files = readdirSync(join(folder, 'data')).filter((name) => !name.endsWith('.sock')).map((name) => readFileSync(join(folder, 'data', name), 'latin1'));
    expect([...said, ...files].filter((text) => text.includes(KEY) || text.includes(OTHER))).toEqual([]);
  }, 60_000);
});
