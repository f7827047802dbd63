/** What `npm start` prints to be copied, and that a signal ends all of it, whatever Node it was started with. */
import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { commandsToCopy } from './commands-to-copy.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the commands to copy', () => {
  it('go to the mutual-TLS port, which is named where it is not the usual one', () => {
    expect(commandsToCopy('secrets/clients/demo', 8001)[1]).toBe('  python3 ops/clients/send_message.py --sender "+15550001111" --message "Hello" --cert secrets/clients/demo/client.crt --key secrets/clients/demo/client.key');
    expect(commandsToCopy('secrets/clients/demo', 8101)[1]).toMatch(/client\.key --url https:\/\/localhost:8101\/api\/v1\/messages$/);
  });
});

describe('a Node that cannot replace itself', () => {
  it('hands SIGTERM on, waits, and ends with what the program ended with; nothing is left running', async () => {
    // such a Node has no execve; the program is one that needs nothing
    const begin = "process.execve = undefined; const { become } = await import('./ops/become.mjs'); become('apps/gateway-mock/main.js', []);";
    const outer = spawn(process.execPath, ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', begin], {
      cwd: ROOT, env: { PATH: process.env['PATH'], GATEWAY_MOCK_PORT: '0', GATEWAY_MOCK_SMTP_PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(outer, 'exit');
    const [said] = (await once(outer.stdout, 'data')) as [Buffer];
    const url = /gateway mock: (http:\/\/[\d.:]+)\//.exec(String(said))![1]!;
    try { expect((await fetch(`${url}/stats`)).status).toBe(200); } finally { outer.kill('SIGTERM'); }
    expect(await ended).toEqual([0, null]);
    await expect(fetch(`${url}/stats`)).rejects.toThrow();
  }, 20_000);
});
