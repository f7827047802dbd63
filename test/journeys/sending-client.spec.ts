/** The client of S1's manual, as the manual calls it: what stands in `secrets/clients/demo` is all that it is given. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureDemoClient } from '#apps/standalone/demo-client';
import { WholeHouse } from './whole-house.js';

const SCRIPT = fileURLToPath(new URL('../../ops/clients/send_message.py', import.meta.url));
const python = spawnSync('python3', ['-c', 'import requests']).status === 0;
/** The manual's own snippet, under "Basic Usage". */
const SNIPPET = `
import sys
import requests
proxy_url, cert_file, key_file, ca_file = sys.argv[1:]
message = {"sender_number": "+1234567890", "message_body": "Hello, this is a test message"}
response = requests.post(proxy_url, json=message, cert=(cert_file, key_file), verify=ca_file)
if response.status_code == 200:
    result = response.json()
    print(f"Message sent! ID: {result['message_id']}")
else:
    print(f"Error: {response.status_code}")
    print(response.text)
`;

interface Said { code: number; out: string; err: string }
let whole: WholeHouse;
let folder = '';
const demo = (): Promise<string> => ensureDemoClient(join(whole.dir, 'secrets'), whole.house.secrets, whole.house.api.bus, whole.house.credentials, () => new Date());
beforeAll(async () => { whole = await WholeHouse.open(); folder = await demo(); }, 60_000);
afterAll(() => whole.close());

const url = (): string => `https://localhost:${whole.mtlsPort}/api/v1/messages`;
const run = (...words: string[]): Promise<Said> => new Promise((resolve) => {
  execFile('python3', words, { cwd: folder, timeout: 20_000 }, (error, out, err) => resolve({ code: error ? Number(error.code) : 0, out, err }));
});
const client = (...more: string[]): Promise<Said> => run(SCRIPT, '--cert', 'client.crt', '--key', 'client.key', '--url', url(), ...more);
const idIn = (said: Said): string => {
  const id = /^Message sent! ID: (\S+)\n$/.exec(said.out)?.[1];
  if (said.code !== 0 || !id) throw new Error(JSON.stringify(said));
  return id;
};

it('what it is given is made once', async () => {
  const certificate = readFileSync(join(folder, 'client.crt'), 'utf8');
  expect([await demo(), readFileSync(join(folder, 'client.crt'), 'utf8')]).toEqual([folder, certificate]);
});

(python ? describe : describe.skip)("S1's client (needs python3 with requests)", () => {
  it('sends a message, and prints its id; it reaches the upstream as it was written', async () => {
    const id = idIn(await client('--sender', '+1234567890', '--message', 'Your message here: Grüße 😀'));
    await whole.shown(await whole.signedIn('reader', 'admin'), id, 'sent');
    expect(whole.mock.received().filter((call) => call.idempotencyKey?.startsWith(`${id}/`))).toMatchObject([{ path: '/sink', sender: '+1234567890', text: 'Your message here: Grüße 😀', answered: 'ok' }]);
  }, 30_000);
  it("the manual's own lines do the same", async () => {
    expect(idIn(await run('-c', SNIPPET, url(), 'client.crt', 'client.key', 'ca.crt'))).toMatch(/^msg_/);
  }, 30_000);
  it('one key, one message', async () => {
    const send = (): Promise<Said> => client('--sender', '+1234567890', '--message', 'once', '--idempotency-key', 'order-17');
    expect(idIn(await send())).toBe(idIn(await send()));
  }, 30_000);
  it.each(['1234567890', '+1-234-567-890'])('%s: 1, and the reason that the manual names', async (sender) => {
    const { code, out, err } = await client('--sender', sender, '--message', 'hello');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^Error: 400\n/);
    expect(err).toContain('Invalid sender number');
  }, 30_000);
  it('1 where nobody listens, 2 where a file is missing or a word is', async () => {
    expect(await client('--sender', '+1234567890', '--message', 'hello', '--url', 'https://localhost:1/')).toMatchObject({ code: 1, err: expect.stringMatching(/^Error: the server was not reached/) });
    expect(await client('--sender', '+1234567890', '--message', 'hello', '--cert', 'none.crt')).toMatchObject({ code: 2, err: 'Error: none.crt is not there\n' });
    expect((await client('--message', 'hello')).code).toBe(2);
  }, 30_000);
});
