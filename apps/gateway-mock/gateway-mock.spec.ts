import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import { Script } from 'node:vm';
import { createEgress } from '#libs/platform/egress/egress.client';
import { defaultGateways } from '#libs/messaging/gateways/default-gateways';
import { GATEWAY_KINDS } from '#libs/messaging/gateways/gateway-kinds';
import type { Call, CallOutcome } from '#libs/messaging/gateways/gateway';
import type { GuardedEgress } from '#libs/platform/egress/egress.client';
import { ManualClock, until } from '#libs/platform/egress/manual-clock';
import type { FaultKind } from './faults.js';
import { startGatewayMock, type GatewayMock } from './gateway-mock.js';
import { Received } from './received.js';

let mock: GatewayMock;
let egress: GuardedEgress;
let clock: ManualClock;
beforeEach(async () => {
  mock = await startGatewayMock({ port: 0 });
  clock = new ManualClock();
  egress = createEgress({ allow: [{ host: '127.0.0.1', port: mock.port }], production: false, clock });
});
afterEach(async () => {
  await egress.close();
  await mock.close();
});

interface Said {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: unknown;
}
const ask = (method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Said> => new Promise((resolve, reject) => {
  const asked = httpRequest(mock.url + path, { method, headers, agent: false }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json: /^[{[]/.test(text) ? JSON.parse(text) : null });
    });
  });
  asked.on('error', reject);
  asked.end(body);
});
const postJson = (path: string, body: unknown, headers: Record<string, string> = {}) => ask('POST', path, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
const sink = (key: string, text = 'hello') => postJson('/sink', { message_id: 'm', sender_number: '+1234567890', message_body: text }, { 'idempotency-key': key });

/** As much of a page's element as the mock's page uses. */
class Shown {
  textContent: unknown = '';
  className = '';
  rows: Shown[] = [];
  cells: Shown[] = [];
  insertRow(at = this.rows.length): Shown { const row = new Shown(); this.rows.splice(at, 0, row); return row; }
  insertCell(): Shown { const cell = new Shown(); this.cells.push(cell); return cell; }
  deleteRow(): void { this.rows.pop(); }
  replaceChildren(): void { this.rows = []; }
}

const call = (attemptId: string, recipient = '+85212345678'): Call => ({ attemptId, recipient, sender: '+1234567890', body: 'hello' });
function send(name: 'http' | 'sms', what: Call): Promise<CallOutcome> {
  const gateway = defaultGateways({ mockPort: mock.port }).find((one) => one.name === name)!;
  return GATEWAY_KINDS[gateway.kind](gateway, what, egress);
}

describe('the gateway mock takes what the gateways send', () => {
  it('answers both upstreams so that both gateways call it sent, and shows what came', async () => {
    expect(await send('http', call('msg_1/1'))).toEqual({ outcome: 'sent', status: 200, providerRef: 'sink-1', answer: '{"id":"sink-1","status":"accepted"}' });
    expect(await send('sms', call('msg_2/1'))).toEqual({ outcome: 'sent', status: 200, providerRef: 'sms-2', answer: 'OK sms-2\n' });
    expect(mock.received()).toMatchObject([
      { n: 1, path: '/sink', idempotencyKey: 'msg_1/1', sender: '+1234567890', recipient: '+85212345678', text: 'hello', answered: 'ok', accepted: true, duplicate: false },
      { n: 2, path: '/gateway/gateway.jsp', idempotencyKey: 'msg_2/1', recipient: '+85212345678', text: 'hello', answered: 'ok' },
    ]);
    expect((await ask('GET', '/stats')).json).toEqual({ calls: 2, accepted: 2, distinct: 2, duplicates: 0, wrong: 0, byPath: { '/sink': 1, '/gateway/gateway.jsp': 1 } });
  });

  it('answers a repeated key with the first answer, carries it out once, and counts it', async () => {
    const first = await sink('msg_1/1');
    await sink('msg_2/1');
    expect((await sink('msg_1/1')).text).toBe(first.text);
    expect(mock.stats()).toMatchObject({ calls: 3, accepted: 2, distinct: 2, duplicates: 1 });
    expect(mock.callsWith('msg_1/1')).toBe(2);
  });

  it('pages what it received, and forgets it on demand', async () => {
    for (const key of ['a/1', 'b/1', 'c/1']) await sink(key);
    const page = (await ask('GET', '/received?after=1&limit=1')).json;
    expect(page).toMatchObject({ received: [{ n: 2, idempotencyKey: 'b/1' }], next: 2 });
    expect((await ask('GET', '/received?after=2')).json).toMatchObject({ received: [{ n: 3 }], next: 3 });
    expect((await ask('GET', '/received?after=3')).json).toEqual({ received: [], next: 3 });
    expect((await ask('DELETE', '/received')).status).toBe(204);
    expect(mock.stats()).toEqual({ calls: 0, accepted: 0, distinct: 0, duplicates: 0, wrong: 0, byPath: {} });
  });

  const wrongs: [what: string, call: () => Promise<Said>, answered: { status: number; text: RegExp; headers?: object }, shown: object][] = [
    ['the sink without a text', () => postJson('/sink', { message_id: 'm', to: '+85212345678' }, { 'idempotency-key': 'msg_1/1' }), { status: 400, text: /^{"error":/ },
      { path: '/sink', idempotencyKey: 'msg_1/1', recipient: '+85212345678', sender: null, text: '', answered: 'status 400', wrong: 'without message_body', raw: '{"message_id":"m","to":"+85212345678"}' }],
    ['the sink, not JSON', () => ask('POST', '/sink', 'not json'), { status: 400, text: /^{"error":/ }, { path: '/sink', idempotencyKey: null, answered: 'status 400', wrong: 'the body is not JSON', raw: 'not json' }],
    ['the sink, null', () => ask('POST', '/sink', 'null'), { status: 400, text: /^{"error":/ }, { answered: 'status 400', wrong: 'without message_body', raw: 'null' }],
    ['gateway.jsp without a text', () => ask('POST', '/gateway/gateway.jsp', 'mrt=%2B852'), { status: 200, text: /^ERR / },
      { path: '/gateway/gateway.jsp', recipient: '+852', answered: 'ERR', wrong: 'without msg_utf8', raw: 'mrt=%2B852' }],
    ['gateway.jsp, all of it in the address', () => ask('POST', '/gateway/gateway.jsp?mrt=1&msg_utf8=x'), { status: 200, text: /^ERR / }, { answered: 'ERR', wrong: 'without mrt and msg_utf8', raw: '/gateway/gateway.jsp?mrt=1&msg_utf8=x' }],
    ['gateway.jsp by GET', () => ask('GET', '/gateway/gateway.jsp?mrt=1&msg_utf8=x'), { status: 405, text: /^method/, headers: { allow: 'POST' } },
      { path: '/gateway/gateway.jsp', recipient: null, answered: 'status 405', wrong: 'GET, where POST is taken', raw: '/gateway/gateway.jsp?mrt=1&msg_utf8=x' }],
    ['a body that is too large', () => ask('POST', '/sink', 'x'.repeat(300_000)), { status: 413, text: /^too large/ }, { answered: 'status 413', wrong: 'the body is over 262144 bytes', raw: 'x'.repeat(1_000) }],
  ];
  it.each(wrongs)('%s: says what is wrong with it, shows it, counts it as a call, and carries nothing out', async (_, call, answered, shown) => {
    mock.setFault({ kind: 'status', status: 418, times: 1 });
    expect(await call()).toMatchObject({ ...answered, text: expect.stringMatching(answered.text) });
    expect((await ask('GET', '/received')).json).toMatchObject({ received: [{ n: 1, ...shown, accepted: false, duplicate: false }], next: 1 });
    expect(mock.stats()).toMatchObject({ calls: 1, accepted: 0, wrong: 1 });
    // a fault is for calls that are right
    expect((await sink('msg_1/1')).status).toBe(418);
  });
  it('what was wrong and comes again in the right form, under the same key, is carried out', async () => {
    await postJson('/sink', {}, { 'idempotency-key': 'msg_1/1' });
    expect((await sink('msg_1/1')).text).toBe('{"id":"sink-1","status":"accepted"}');
    expect(mock.received()).toMatchObject([{ wrong: 'without message_body', accepted: false }, { wrong: null, raw: null, accepted: true, duplicate: true }]);
    expect(mock.stats()).toMatchObject({ calls: 2, accepted: 1, distinct: 1, duplicates: 1, wrong: 1 });
  });
  it('of what is no upstream it keeps nothing', async () => {
    expect((await ask('GET', '/constructor')).status).toBe(404);
    expect(await ask('POST', '/stats')).toMatchObject({ status: 405, headers: { allow: 'GET' } });
    expect(mock.stats().calls).toBe(0);
  });

  it('shows a page whose script and style carry the nonce of its policy', async () => {
    const { status, text, headers } = await ask('GET', '/');
    const nonce = /script-src 'nonce-([^']+)'/.exec(String(headers['content-security-policy']))?.[1];
    expect(status).toBe(200);
    expect(text).toContain(`<script nonce="${nonce}">`);
    expect(text).toContain('color-scheme: light dark');
    expect(() => new Script(/<script[^>]*>([^]*)<\/script>/.exec(text)?.[1] ?? '(')).not.toThrow();
  });

  it('shows on the page what came, and of what was wrong in form what came and why it was refused', async () => {
    await sink('msg_1/1', '<b>hello</b>');
    await ask('POST', '/gateway/gateway.jsp', 'mrt=%2B852');
    const elements = new Map<string, Shown>();
    const document = { getElementById: (id: string) => elements.get(id) ?? elements.set(id, new Shown()).get(id) };
    const script = /<script[^>]*>([^]*)<\/script>/.exec((await ask('GET', '/')).text)![1]!;
    await new Promise<void>((resolve) => {
      const fetch = async (path: string) => { const { status, json } = await ask('GET', path); return { ok: status === 200, json: () => json }; };
      // the page shows, then asks for the next time
      new Script(script).runInNewContext({ document, fetch, setTimeout: () => resolve() });
    });
    expect(elements.get('state')!.textContent).toBe('');
    expect(['calls', 'accepted', 'wrong'].map((id) => elements.get(id)!.textContent)).toEqual(['2', '1', '1']);
    expect(elements.get('rows')!.rows.map(({ cells }) => cells.map((cell) => String(cell.textContent)).filter((_, i) => [2, 4, 5, 7].includes(i)))).toEqual([
      ['/gateway/gateway.jsp', '+852', 'mrt=%2B852', 'ERR: without msg_utf8'], ['/sink', '', '<b>hello</b>', 'ok'],
    ]);
  });

  it('does not start in production', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(startGatewayMock({ port: 0 })).rejects.toThrow('NODE_ENV=production');
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });
});

describe('faults on request', () => {
  const table: [FaultKind, CallOutcome['outcome'], string | undefined][] = [
    ['status', 'failed', 'status'], ['reset', 'unknown', 'reset'], ['hang', 'unknown', 'timeout'], ['slow', 'unknown', 'timeout'],
    ['garbage', 'unknown', 'garbage'], ['huge', 'unknown', 'too_large'], ['delay', 'sent', undefined],
  ];
  it.each(table)('%s makes an SMS %s', async (kind, outcome, problem) => {
    expect((await postJson('/faults', { kind, number: '+85212345678', ...(kind === 'delay' && { delayMs: 20 }) })).status).toBe(201);
    const sending = send('sms', call('msg_1/1'));
    if (problem === 'timeout') {
      await until(() => mock.stats().calls === 1);
      clock.pass(30_000);
    }
    const made = await sending;
    expect([made.outcome, 'problem' in made ? made.problem : undefined]).toEqual([outcome, problem]);
    // Another number is not touched.
    expect((await send('sms', call('msg_2/1', '+85287654321'))).outcome).toBe('sent');
    // A refused call was not carried out; all others were, whatever became of the answer.
    expect(mock.stats().accepted).toBe(kind === 'status' ? 1 : 2);
  });

  it("goes by a native message's number at the sink too, and by the sender where there is no recipient", async () => {
    for (const number of ['+85212345678', '+1234567890']) await postJson('/faults', { kind: 'status', status: 418, number });
    const made = [await send('http', call('a/1')), await send('http', { ...call('b/1'), recipient: null }), await send('http', { ...call('c/1', '+85287654321'), sender: null })];
    expect(made.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'sent']);
  });

  it('fails each message n times, then lets it through', async () => {
    mock.setFault({ kind: 'fail_then_succeed', times: 2, status: 500 });
    const outcomes = [];
    for (const id of ['a/1', 'b/1', 'a/2', 'a/3', 'b/2', 'b/3']) outcomes.push((await send('http', call(id))).outcome);
    expect(outcomes).toEqual(['failed', 'failed', 'failed', 'sent', 'failed', 'sent']);
  });

  it('ends a fault after its times, lists what is in force, and clears all', async () => {
    await postJson('/faults', { kind: 'status', status: 418, times: 2 });
    expect((await sink('a/1')).status).toBe(418);
    expect((await ask('GET', '/faults')).json).toEqual({ faults: [{ kind: 'status', status: 418, times: 1 }] });
    expect([(await sink('a/2')).status, (await sink('a/3')).status]).toEqual([418, 200]);
    mock.setFault({ kind: 'status' });
    expect((await ask('DELETE', '/faults')).status).toBe(204);
    expect((await sink('a/4')).status).toBe(200);
  });

  it('names all that is wrong with a fault, and takes none from a form', async () => {
    const { status, json } = await postJson('/faults', { kind: 'explode', number: '123', status: 99, colour: 1 });
    expect(status).toBe(400);
    expect((json as { errors: string[] }).errors).toHaveLength(4);
    expect((await ask('POST', '/faults', '{"kind":"hang"}', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});

describe('what it remembers is bounded', () => {
  it('keeps the newest calls and keys, and counts all', () => {
    const received = new Received(3, 2);
    const add = (key: string) => received.add({ at: '', path: '/sink', idempotencyKey: key, sender: null, recipient: null, text: '', answered: 'ok', wrong: null, raw: null }, `answer to ${key}`);
    for (const key of ['a', 'b', 'c', 'd']) add(key);
    expect(received.list().map((call) => call.n)).toEqual([2, 3, 4]);
    expect(received.list(0, 2).map((call) => call.n)).toEqual([2, 3]);
    expect([received.answerTo('b'), received.answerTo('d')]).toEqual([null, 'answer to d']);
    expect(received.stats()).toMatchObject({ calls: 4, accepted: 4, distinct: 4 });
  });
});
