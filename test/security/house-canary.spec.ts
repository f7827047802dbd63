/** Rows T76 and T84: known values go through every route, also in wrong places and into errors; then everything that the house wrote or said is searched. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { startGatewayMock } from '#apps/gateway-mock/gateway-mock';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { Program } from './program.js';
import { filesBelow, foundIn } from './spellings.js';

const BODY = 'Canary-7f3a: your table at eight, Grüße';
const NUMBER = '+4915155501234';
const META = 'canary-meta-91c4e2';
const WRONG = 'canary-elsewhere-55d0';
const AT = '/api/v1/messages';
const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

interface Answer { status: number; text: string; body: Record<string, unknown> }

it('T76 T84 no body, number, metadata or token is in the data folder, the output, the metrics or the answers to others', async () => {
  const mock = await startGatewayMock({ port: 0, host: '127.0.0.1' });
  const program = new Program(folder, { GATEWAY_HTTP_URL: `${mock.url}/sink`, GATEWAY_SMS_URL: `${mock.url}/gateway/gateway.jsp`, EGRESS_ALLOW: new URL(mock.url).host, RATE_LIMIT_MINUTE: '100000', RATE_LIMIT_HOUR: '100000' });
  try {
    const server = await program.start();
    const made = await program.cli('tokens', 'create', '--owner', 'owner-a', '--role', 'user');
    const token = made.out.trim(), secret = token.split('_')[2]!;
    expect(secret).toHaveLength(64);

    const said: Record<string, Buffer> = {};
    const ask = (method: string, path: string, { body, headers = {}, authorization = `Bearer ${token}` }: { body?: unknown; headers?: Record<string, string>; authorization?: string } = {}): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const content = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
        const asked = request(server.url + path, { method, agent: false, headers: { ...(authorization ? { authorization } : {}), ...(content === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(content)) }), ...headers } }, (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part)).once('error', reject).once('end', () => {
            const text = Buffer.concat(parts).toString();
            resolve({ status: answer.statusCode!, text, body: text.startsWith('{') ? JSON.parse(text) as Record<string, unknown> : {} });
          });
        });
        asked.once('error', reject).end(content);
      });
    /** An answer in which none of the values belongs, except what the client wrote into the address itself. */
    const silent = async (status: number, ...asked: Parameters<typeof ask>): Promise<void> => {
      const answer = await ask(...asked);
      expect([asked[0], asked[1], answer.status]).toEqual([asked[0], asked[1], status]);
      said[`the answer to ${asked[0]} ${asked[1]} (${status}, ${Object.keys(said).length})`] = Buffer.from(JSON.stringify({ ...answer.body, instance: '' }) || answer.text);
    };

    const native = { to: NUMBER, body: BODY, metadata: { note: META } };
    const s1 = { sender_number: NUMBER, message_body: BODY };
    const first = await ask('POST', AT, { body: native, headers: { 'idempotency-key': 'canary-1' } });
    expect((await ask('POST', AT, { body: native, headers: { 'idempotency-key': 'canary-1' } })).text).toBe(first.text);
    const second = await ask('POST', AT, { body: s1 });
    const batch = await ask('POST', `${AT}/batch`, { body: { messages: [native, { ...native, to: `${NUMBER}x` }, native] } });
    expect([first.status, second.status, batch.status]).toEqual([202, 200, 207]);

    // every "no", with the values where they do not belong
    await silent(422, 'POST', AT, { body: { ...native, colour: WRONG } });
    await silent(422, 'POST', AT, { body: { ...native, channel: BODY, gateway: NUMBER } });
    await silent(422, 'POST', AT, { body: { ...native, to: `${NUMBER};ext=1` } });
    await silent(422, 'POST', AT, { body: { ...native, body: `${BODY}\u0000` } });
    await silent(400, 'POST', AT, { body: { ...s1, sender_number: `${NUMBER} ` } });
    await silent(422, 'POST', AT, { body: { ...s1, ...native } });
    await silent(422, 'POST', AT, { body: { ...native, body: 'other' }, headers: { 'idempotency-key': 'canary-1' } });
    await silent(422, 'POST', AT, { body: native, headers: { 'idempotency-key': BODY.replace(/[^ -~]/g, '') } });
    await silent(400, 'POST', AT, { body: `{"to":"${NUMBER}","body":"${BODY}",}` });
    await silent(415, 'POST', AT, { body: native, headers: { 'content-type': `text/${META}` } });
    await silent(422, 'GET', `${AT}?status=${META}`);
    await silent(422, 'GET', `${AT}?after=${secret}`);
    await silent(404, 'GET', `${AT}/${META}`);
    await silent(404, 'GET', `/${META}/${secret}?q=${encodeURIComponent(NUMBER)}`);
    await silent(405, 'PUT', `${AT}?token=${secret}`);
    await silent(401, 'GET', AT, { authorization: `Bearer hgt_${'0'.repeat(32)}_${secret}` });
    await silent(401, 'GET', AT, { authorization: `Basic ${token}` });
    await silent(400, 'GET', AT, { headers: { 'x-api-key': token } });
    await silent(404, 'GET', `${AT}/${first.body['id'] as string}`, { authorization: `Bearer ${(await program.cli('tokens', 'create', '--owner', 'owner-b', '--role', 'user')).out.trim()}` });

    // an attempt that fails, one whose answer is lost, one that gets garbage
    const faulty = async (fault: object, number: string): Promise<void> => {
      await fetch(`${mock.url}/faults`, { method: 'POST', headers: { 'content-type': 'application/json', connection: 'close' }, body: JSON.stringify({ ...fault, number }) });
      const { body } = await ask('POST', AT, { body: { ...native, to: number } });
      await until(`an attempt to ${number} has ended`, async () => Number((await ask('GET', `${AT}/${String(body['id'])}`)).body['attempts']) > 0 && /"outcome":"(failed|unknown|sent)"/.test((await ask('GET', `${AT}/${String(body['id'])}`)).text));
    };
    const OTHERS = ['+4915155501235', '+4915155501236', '+4915155501237'];
    await faulty({ kind: 'status', status: 500 }, OTHERS[0]!);
    await faulty({ kind: 'reset' }, OTHERS[1]!);
    await faulty({ kind: 'garbage' }, OTHERS[2]!);
    await until('the first one is sent', async () => (await ask('GET', `${AT}/${String(first.body['id'])}`)).body['status'] === 'sent');

    // to its owner everything is shown
    for (const path of [`${AT}/${String(first.body['id'])}`, `${AT}/${String(first.body['id'])}/events`]) expect((await ask('GET', path)).text).toContain(JSON.stringify(BODY).slice(1, -1));
    expect((await ask('GET', `${AT}?sender=${encodeURIComponent(NUMBER)}`)).text).toContain(NUMBER);
    expect((await program.cli('messages', 'show', String(first.body['id']))).out).toContain(NUMBER);
    expect((await program.cli('messages', 'replay', String(first.body['id']))).out).toContain(NUMBER);
    await ask('POST', `${AT}/${String(first.body['id'])}/cancel`);
    for (const path of ['/metrics', '/health', '/ready']) said[path] = Buffer.from((await ask('GET', path)).text);
    said['the list of tokens'] = Buffer.from((await program.cli('tokens', 'list')).out);

    const values = { body: BODY, word: 'Canary-7f3a', number: NUMBER, digits: NUMBER.slice(1), metadata: META, elsewhere: 'canary-elsewhere', token, secret, ...Object.fromEntries(OTHERS.map((n) => [n, n.slice(1)])) };
    const running = { ...said, ...filesBelow(join(folder, 'data')) };
    expect(Object.keys(running)).toEqual(expect.arrayContaining(['log.db', 'log.db-wal', 'keys.db', 'views.db']));
    expect(foundIn(values, running)).toEqual([]);
    server.child.kill('SIGTERM');
    const { out, err, code } = await server.ended;
    expect(code).toBe(0);
    // at LOG_LEVEL=trace each request has its line, so there was something to search
    const lines = out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter((line) => line['msg'] === 'answered').length).toBeGreaterThan(30);
    expect(new Set(lines.map((line) => line['route']))).toEqual(new Set([AT, `${AT}/batch`, `${AT}/:id`, `${AT}/:id/events`, `${AT}/:id/cancel`, '/metrics', '/health', '/ready', 'unknown', undefined].filter((route) => lines.some((line) => line['route'] === route))));
    expect(foundIn(values, { stdout: Buffer.from(out), stderr: Buffer.from(err), ...filesBelow(join(folder, 'data')) })).toEqual([]);

    // the control: what may stand there is found there by the same search
    expect(foundIn({ owner: 'owner-a' }, filesBelow(join(folder, 'data')))).toEqual(expect.arrayContaining(['owner as bytes in log.db']));
    expect(foundIn({ route: '/api/v1/messages/:id/events' }, { stdout: Buffer.from(out) })).toEqual(expect.arrayContaining(['route as bytes in stdout']));
  } finally { program.end(); await mock.close(); }
}, 90_000);
