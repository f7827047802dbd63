/** Row T84, what signs in: passwords, tokens, cookies and the mailed link go through every route of signing in, also in wrong places; then everything that the house wrote or said is searched. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { startGatewayMock } from '#apps/gateway-mock/gateway-mock';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { Program } from './program.js';
import { filesBelow, foundIn } from './spellings.js';

const PASSWORDS = { password: 'Canary-Passw0rd-51ce', wrong: 'Canary-Wr0ng-92d7', next: 'Canary-N3xt-07ab', reset: 'Canary-R3set-c4f0', elsewhere: 'Canary-Els3where-66b1' };
const EMAIL = 'canary.person.8d21@example.com';
const AGENT = 'canary-agent-3be9';
const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

interface Answer { status: number; headers: Record<string, string | string[] | undefined>; text: string; body: Record<string, unknown> }

it('T84 no password, JWT, refresh token, cookie, API token or link is in the data folder, the output, the metrics or the answers to others', async () => {
  const mock = await startGatewayMock({ port: 0, smtpPort: 0, host: '127.0.0.1' });
  const program = new Program(folder, { GATEWAY_MOCK_SMTP_PORT: String(mock.smtpPort), RATE_LIMIT_MINUTE: '100000', RATE_LIMIT_HOUR: '100000', ADMIN_PASSWORD: 'Another-Secret-1' });
  try {
    const server = await program.start();
    const said: Record<string, Buffer> = {};
    const ask = (method: string, path: string, { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {}): Promise<Answer> => new Promise((resolve, reject) => {
      const content = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const asked = request(server.url + path, { method, agent: false, headers: { 'user-agent': AGENT, ...(content === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(content)) }), ...headers } }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part)).once('error', reject).once('end', () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: answer.statusCode!, headers: answer.headers, text, body: text.startsWith('{') ? JSON.parse(text) as Record<string, unknown> : {} });
        });
      });
      asked.once('error', reject).end(content);
    });
    /** An answer in which none of the values belongs, except what the client wrote into the address itself. */
    const silent = async (status: number, ...asked: Parameters<typeof ask>): Promise<Answer> => {
      const answer = await ask(...asked);
      expect([asked[0], asked[1].split('?')[0], answer.status]).toEqual([asked[0], asked[1].split('?')[0], status]);
      said[`the answer to ${asked[0]} ${asked[1].split('?')[0]} (${status}, ${Object.keys(said).length})`] = Buffer.from(JSON.stringify({ ...answer.body, instance: '' }) + (answer.text.startsWith('{') ? '' : answer.text));
      return answer;
    };
    const secrets: Record<string, string> = {};
    const keep = (name: string, reply: Answer): { headers: Record<string, string>; refresh: unknown } => {
      const cookie = [reply.headers['set-cookie']].flat()[0]!.split(';')[0]!;
      secrets[`${name} access`] = String(reply.body['access_token']);
      secrets[`${name} signature`] = String(reply.body['access_token']).split('.')[2]!;
      secrets[`${name} refresh`] = String(reply.body['refresh_token']);
      secrets[`${name} token`] = String(reply.body['token']).split('_')[2]!;
      secrets[`${name} cookie`] = cookie.slice(cookie.indexOf('=') + 1);
      secrets[`${name} cookie's MAC`] = cookie.slice(cookie.lastIndexOf('.') + 1);
      return { headers: { cookie }, refresh: reply.body['refresh_token'] };
    };

    await silent(201, 'POST', '/auth/register', { body: { name: 'Canary', email: EMAIL, password: PASSWORDS.password } });
    const { headers, refresh } = keep('first', await ask('POST', '/auth/login', { body: { email: EMAIL, password: PASSWORDS.password } }));
    const login = (body: unknown, more?: Record<string, string>) => ({ body, ...(more ? { headers: more } : {}) });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };

    // every "no", with the values where they do and do not belong
    await silent(401, 'POST', '/auth/login', login({ email: EMAIL, password: PASSWORDS.wrong }));
    await silent(401, 'POST', '/auth/login', login({ username: PASSWORDS.elsewhere, password: PASSWORDS.wrong }));
    await silent(400, 'POST', '/auth/login', login({ username: 'x', password: PASSWORDS.wrong, extra: PASSWORDS.elsewhere }));
    await silent(400, 'POST', '/auth/login', login(`{"username":"x","password":"${PASSWORDS.wrong}`));
    await silent(415, 'POST', '/auth/login', login(`password=${PASSWORDS.wrong}`, { 'content-type': 'text/plain' }));
    await silent(401, 'POST', '/login', login(`username=x&password=${PASSWORDS.wrong}`, form));
    await silent(401, 'POST', `/auth/login?password=${PASSWORDS.elsewhere}`, login({ email: EMAIL, password: PASSWORDS.wrong }));
    await silent(404, 'GET', `/${PASSWORDS.elsewhere}`);
    await silent(409, 'POST', '/auth/register', { body: { name: 'C', email: EMAIL, password: PASSWORDS.elsewhere } });
    await silent(400, 'POST', '/auth/signup', { body: { username: `${PASSWORDS.elsewhere} !`, password: PASSWORDS.elsewhere } });
    await silent(401, 'GET', '/auth/me', { headers: { authorization: `Bearer ${secrets['first access']}x` } });
    await silent(401, 'GET', '/auth/me', { headers: { authorization: `Basic ${Buffer.from(`x:${PASSWORDS.elsewhere}`).toString('base64')}` } });
    await silent(401, 'POST', '/auth/refresh', { body: { refresh_token: secrets['first access'] } });
    await silent(422, 'POST', '/api/v1/profile/password', { body: { current_password: PASSWORDS.wrong, new_password: PASSWORDS.next, confirm_password: PASSWORDS.next }, headers });
    await silent(422, 'GET', `/api/v1/profile/sign-ins?after=${PASSWORDS.elsewhere}`, { headers });

    const next = await ask('POST', '/auth/refresh', { body: { refresh_token: refresh } });
    secrets['second refresh'] = String(next.body['refresh_token']);
    const changed = await ask('POST', '/api/v1/profile/password', { body: { current_password: PASSWORDS.password, new_password: PASSWORDS.next, confirm_password: PASSWORDS.next }, headers });
    expect([next.status, changed.status]).toEqual([200, 200]);
    const after = keep('changed', changed);
    await silent(202, 'POST', '/auth/password/forgot', { body: { email: EMAIL } });
    await until('the mail is there', () => mock.mails().length === 1);
    const link = /token=([\w.-]+)/.exec(mock.mails()[0]!.text)![1]!;
    secrets['link'] = link;
    secrets["link's bytes"] = link.split('.')[2]!;
    await silent(422, 'POST', '/auth/password/reset', { body: { token: `${link}x`, new_password: PASSWORDS.reset } });
    await silent(200, 'POST', '/auth/password/reset', { body: { token: link, new_password: PASSWORDS.reset } });
    await silent(422, 'POST', '/auth/password/reset', { body: { token: link, new_password: PASSWORDS.reset } });
    await until('the cookie is over', async () => (await ask('GET', '/auth/me', { headers: after.headers })).status === 401);
    await silent(401, 'GET', '/auth/me', { headers: after.headers });
    await silent(303, 'GET', '/logout', { headers: after.headers });
    keep('last', await ask('POST', '/api/auth/login', { body: { email: EMAIL, password: PASSWORDS.reset } }));
    for (const path of ['/metrics', '/health', '/ready', '/docs']) said[path] = Buffer.from((await ask('GET', path)).text);
    // refused sign-ins are written within a second
    await until('refused ones are written', async () => /heliograph_sign_ins_total\{outcome="password"\} [1-9]/.test((await ask('GET', '/metrics')).text));

    const values = { ...PASSWORDS, ...secrets };
    expect(foundIn(values, { ...said, ...filesBelow(join(folder, 'data')) })).toEqual([]);
    server.child.kill('SIGTERM');
    const { out, err, code } = await server.ended;
    expect(code).toBe(0);
    const lines = out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter((line) => line['msg'] === 'answered').length).toBeGreaterThan(25);
    const files = filesBelow(join(folder, 'data'));
    expect(Object.keys(files)).toEqual(expect.arrayContaining(['log.db', 'keys.db', 'views.db']));
    expect(foundIn(values, { stdout: Buffer.from(out), stderr: Buffer.from(err), ...files })).toEqual([]);
    // what belongs to the person is sealed in the log, and in no line of output
    const { 'log.db': log = Buffer.alloc(0), 'log.db-wal': wal = Buffer.alloc(0) } = files;
    expect(foundIn({ email: EMAIL, agent: AGENT, address: '127.0.0.1' }, { log, wal, stdout: Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n')), stderr: Buffer.from(err) })).toEqual([]);

    // the control: what may stand there is found there by the same search
    expect(foundIn({ event: 'SigninsRefused' }, files)).toEqual(expect.arrayContaining(['event as bytes in log.db']));
    expect(foundIn({ route: '/api/v1/profile/password' }, { stdout: Buffer.from(out) })).toEqual(expect.arrayContaining(['route as bytes in stdout']));
  } finally { program.end(); await mock.close(); }
}, 90_000);
