import { afterEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:net';
import { keptAnswer, retryAfterMs } from '#libs/messaging/gateways/answer';
import { defaultGateways } from '#libs/messaging/gateways/default-gateways';
import type { Call, CallOutcome, GatewaySettings } from '#libs/messaging/gateways/gateway';
import { GATEWAY_KINDS } from '#libs/messaging/gateways/gateway-kinds';
import { createEgress, type GuardedEgress } from '#libs/platform/egress/egress.client';
import { ManualClock, until } from '#libs/platform/egress/manual-clock';
import { KeptEgress } from '#libs/platform/egress/recorder';
import { plain, receiver, type Receiver } from './egress-receiver.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const CALL: Call = { attemptId: 'msg_01/7', recipient: '+85212345678', sender: '+1234567890', body: 'Grüße & 100 % = 好 😀\n+x' };
interface Scene {
  server: Receiver;
  clock: ManualClock;
  recorder: KeptEgress;
  http(call?: Partial<Call>): Promise<CallOutcome>;
  sms(call?: Partial<Call>, options?: Record<string, string>): Promise<CallOutcome>;
}
async function gateway(answer: (socket: Socket, request: string, n: number) => void): Promise<Scene> {
  const server = await receiver(answer);
  const [clock, recorder] = [new ManualClock(), new KeptEgress()];
  const egress: GuardedEgress = createEgress({ allow: [{ host: '127.0.0.1', port: server.port }], production: true, clock, recorder });
  open.push(server, egress);
  const [http, sms] = defaultGateways({ mockPort: server.port }) as [GatewaySettings, GatewaySettings];
  return {
    server, clock, recorder,
    http: (call) => GATEWAY_KINDS.http(http, { ...CALL, ...call }, egress),
    sms: (call, options) => GATEWAY_KINDS['sms-http']({ ...sms, options: { ...sms.options, ...options } }, { ...CALL, ...call }, egress),
  };
}
const answering = (bytes: string | Buffer) => gateway((socket) => socket.write(bytes));

describe('what the gateways send', () => {
  it('S1: JSON with the message id, and the attempt as Idempotency-Key', async () => {
    const { server, http } = await answering(plain(202, '{"id":"up-1"}'));
    expect(await http()).toEqual({ outcome: 'sent', status: 202, providerRef: 'up-1', answer: '{"id":"up-1"}' });
    const [head, body] = Buffer.from(server.requests[0]!, 'latin1').toString().split('\r\n\r\n');
    expect(head).toMatch(/^POST \/sink HTTP\/1\.1\r\n/);
    expect(head).toContain('\r\nidempotency-key: msg_01/7\r\n');
    expect(JSON.parse(body!)).toEqual({ message_id: 'msg_01', to: '+85212345678', sender_number: '+1234567890', message_body: CALL.body });
    // a message of S1 has no recipient but its own sender
    await http({ recipient: null });
    expect(JSON.parse(Buffer.from(server.requests[1]!, 'latin1').toString().split('\r\n\r\n')[1]!)).toEqual({ message_id: 'msg_01', sender_number: '+1234567890', message_body: CALL.body });
  });

  it('T39 T67 S3: a form in UTF-8, and a number never in the URL', async () => {
    const { server, sms } = await answering(plain(200, 'OK ref-1'));
    expect(await sms({}, { applicationId: 'app & co', senderNumber: '51234567' })).toEqual({ outcome: 'sent', status: 200, providerRef: 'ref-1', answer: 'OK ref-1' });
    const [head, body] = server.requests[0]!.split('\r\n\r\n');
    expect(head).toMatch(/^POST \/gateway\/gateway\.jsp HTTP\/1\.1\r\n/);
    expect(head).toContain('content-type: application/x-www-form-urlencoded; charset=utf-8\r\n');
    expect(head).not.toMatch(/12345678|51234567/);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({ application: 'app & co', sender: '51234567', mrt: '+85212345678', msg_utf8: CALL.body });
  });

  it('S3: fields are data; without a configured sender the message\'s own goes along', async () => {
    const { server, sms } = await answering(plain(200, 'OK'));
    await sms({}, { recipientField: 'to', textField: 'text' });
    expect(Object.fromEntries(new URLSearchParams(server.requests[0]!.split('\r\n\r\n')[1]))).toEqual({ application: '', sender: '+1234567890', to: '+85212345678', text: CALL.body });
  });

  it('an SMS for nobody is refused before anything leaves', async () => {
    const { recorder, sms } = await answering(plain(200, 'OK'));
    expect(await sms({ recipient: null })).toMatchObject({ outcome: 'failed', temporary: false, problem: 'rejected' });
    expect(recorder.connects).toEqual([]);
  });
});

const html = '<html><body><form>Please sign in. OK</form></body></html>';
const xml = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>OK &x;</a>';
const utf16 = Buffer.from('OK ref-1', 'utf16le');
const bytes = (body: Buffer): Buffer => Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`), body]);

describe('T67: only the documented answer of an SMS gateway is a success', () => {
  it.each<[string, string | Buffer, Partial<CallOutcome> & { temporary?: boolean; problem?: string }]>([
    ['OK', plain(200, 'OK'), { outcome: 'sent', providerRef: null }],
    ['OK with spaces and a reference', plain(201, '\r\n OK  a-1 \r\n'), { outcome: 'sent', providerRef: 'a-1' }],
    ['a reference of 128', plain(200, `OK ${'a'.repeat(128)}`), { outcome: 'sent', providerRef: 'a'.repeat(128) }],
    ['a documented error', plain(200, 'ERR 17 no credit'), { outcome: 'failed', temporary: false, problem: 'rejected' }],
    ['a documented rejection', plain(200, ' REJECTED\n'), { outcome: 'failed', temporary: false, problem: 'rejected' }],
    ['another error text', plain(200, 'Something went wrong'), { outcome: 'unknown', problem: 'garbage' }],
    ['ERROR is not ERR', plain(200, 'ERRATIC'), { outcome: 'unknown', problem: 'garbage' }],
    ['OK in lower case', plain(200, 'ok'), { outcome: 'unknown', problem: 'garbage' }],
    ['OKAY', plain(200, 'OKAY'), { outcome: 'unknown', problem: 'garbage' }],
    ['an empty body', plain(200, ''), { outcome: 'unknown', problem: 'garbage' }],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', { outcome: 'unknown', problem: 'garbage' }],
    ['an HTML login page', plain(200, html), { outcome: 'unknown', problem: 'garbage' }],
    ['XML with an entity', plain(200, xml), { outcome: 'unknown', problem: 'garbage' }],
    ['100 MB', `HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\nOK a${' '.repeat(70_000)}`, { outcome: 'unknown', problem: 'too_large' }],
    ['invalid UTF-8', bytes(Buffer.from([0x4f, 0x4b, 0x20, 0xff, 0xfe])), { outcome: 'unknown', problem: 'garbage' }],
    ['another encoding', bytes(utf16), { outcome: 'unknown', problem: 'garbage' }],
    ['two status lines', 'HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK', { outcome: 'unknown', problem: 'protocol' }],
    ['a reference of 10 kB', plain(200, `OK ${'a'.repeat(10_000)}`), { outcome: 'unknown', problem: 'garbage' }],
    ['a reference with a line break', plain(200, 'OK a\r\nb'), { outcome: 'unknown', problem: 'garbage' }],
    ['a reference that is not ASCII', plain(200, 'OK réf'), { outcome: 'unknown', problem: 'garbage' }],
    ['302', plain(302, 'OK', { location: 'http://169.254.169.254/' }), { outcome: 'failed', temporary: true, problem: 'status' }],
    ['400', plain(400, 'OK'), { outcome: 'failed', temporary: false, problem: 'status' }],
    ['408', plain(408, ''), { outcome: 'failed', temporary: true, problem: 'status' }],
    ['429', plain(429, '', { 'retry-after': '7' }), { outcome: 'failed', temporary: true, problem: 'status', retryAfterMs: 7_000 } as never],
    ['500', plain(500, 'OK'), { outcome: 'failed', temporary: true, problem: 'status' }],
    ['503 that hangs up within its body', 'HTTP/1.1 503 X\r\ncontent-length: 10\r\n\r\nno', { outcome: 'failed', temporary: true, problem: 'status' }],
  ])('T67 %s', async (name, answer, expected) => {
    const { sms } = name.startsWith('503') ? await gateway((socket) => socket.end(answer)) : await answering(answer);
    expect(await sms()).toMatchObject(expected);
  });

  it('T67 an answer of another documented form is data', async () => {
    const { sms } = await answering(plain(200, '{"status":"queued","id":"x1"}'));
    const options = { success: '^\\{"status":"queued","id":"(?<ref>[a-z0-9]+)"\\}$' };
    expect(await sms({}, options)).toMatchObject({ outcome: 'sent', providerRef: 'x1' });
  });
});

describe('T45: the line is cut, or the time is over', () => {
  const cuts: [string, (socket: Socket) => void][] = [
    ['reset after the request was written', (socket) => void socket.resetAndDestroy()],
    ['closed without an answer', (socket) => void socket.end()],
    ['cut within the answer', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nOK')],
  ];
  it.each(cuts)('T45 SMS: %s is unknown', async (_name, cut) => {
    const { server, sms } = await gateway(cut);
    expect(await sms()).toMatchObject({ outcome: 'unknown' });
    expect(server.requests.length).toBe(1);
  });

  it.each(cuts)('T45 S1: %s is unknown, unless the status had come', async (name, cut) => {
    const { server, http } = await gateway(cut);
    expect((await http()).outcome).toBe(name.startsWith('cut') ? 'sent' : 'unknown');
    expect(server.requests.length).toBe(1);
  });

  it.each(['http', 'sms'] as const)('T45 T63 %s: no answer within 30 s is unknown; the answer that comes later changes nothing', async (name) => {
    let late: (() => void) | undefined;
    const scene = await gateway((socket) => { late = () => void socket.write(plain(200, 'OK')); });
    const call = scene[name]();
    await until(() => late !== undefined);
    scene.clock.pass(30_000);
    late!();
    expect(await call).toEqual({ outcome: 'unknown', problem: 'timeout', status: null, answer: null });
    expect(scene.clock.running).toBe(0);
  });

  it.each(['http', 'sms'] as const)('T45 %s: nobody listens, nothing was sent: tried again', async (name) => {
    const scene = await answering('');
    await scene.server.close();
    expect(await scene[name]()).toEqual({ outcome: 'failed', temporary: true, problem: 'connect', status: null, answer: null });
  });
});

describe('T62 T63: S1\'s upstream', () => {
  it.each([200, 201, 204, 299])('T63 %d is sent', async (status) => {
    const { http } = await answering(status === 204 ? 'HTTP/1.1 204 X\r\n\r\n' : plain(status, html));
    expect(await http()).toMatchObject({ outcome: 'sent', status, providerRef: null });
  });

  it.each([301, 302, 307, 308, 400, 401, 404, 410, 413, 429, 500, 503])('T62 T63 %d is tried again', async (status) => {
    const { recorder, http } = await answering(plain(status, 'no', { location: 'http://169.254.169.254/' }));
    expect(await http()).toMatchObject({ outcome: 'failed', temporary: true, problem: 'status', status, answer: 'no' });
    expect(recorder.connects.length).toBe(1);
  });

  it('T66 an address that is not allowed is never called', async () => {
    const recorder = new KeptEgress();
    const egress = createEgress({ allow: [], production: false, recorder });
    open.push(egress);
    for (const gateway of defaultGateways({ mockPort: 5555 })) {
      expect(await GATEWAY_KINDS[gateway.kind](gateway, CALL, egress)).toEqual({ outcome: 'failed', temporary: true, problem: 'address_not_allowed', status: null, answer: null });
    }
    expect([recorder.lookups, recorder.connects]).toEqual([[], []]);
  });
});

describe('T63 T67: what is kept of an answer', () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  it.each<[string, number | undefined]>([
    ['999999999', 3_600_000], ['-1', undefined], ['Thu, 01 Jan 1970 00:00:00 GMT', 1_000], ['0', 1_000], ['120', 120_000],
    ['Wed, 21 Oct 2026 07:30:00 GMT', 120_000], ['soon', undefined], ['1e9', undefined], ['', undefined], ['2026', 2_026_000],
  ])('T63 Retry-After: %s → %s ms', (asked, expected) => {
    expect(retryAfterMs({ 'retry-after': asked, date })).toBe(expected);
  });

  it('T63 a date is not read without the gateway\'s own clock', () => {
    expect(retryAfterMs({ 'retry-after': date })).toBeUndefined();
    expect(retryAfterMs({})).toBeUndefined();
  });

  it.each([1, 2, 3, 4])('T63 at most 2 KiB, cut between characters (%d bytes each)', (size) => {
    const letter = ['', 'a', 'é', '好', '😀'][size]!;
    for (const start of ['', 'x', 'xx', 'xxx']) {
      const kept = keptAnswer(Buffer.from(start + letter.repeat(5_000)));
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(2_048);
      expect(Buffer.byteLength(kept)).toBeGreaterThan(2_044);
      expect(kept.isWellFormed()).toBe(true);
    }
    expect(Buffer.byteLength(keptAnswer(Buffer.alloc(65_536, 0xff)))).toBeLessThanOrEqual(2_048);
  });

  it.each([
    '{"event":"x","apikey":"SECRET-1","n":1}', '{"apikey" : "SEC\\"RET-1"}', "{'apiKey': 'SECRET-1'}", 'a=1&apikey=SECRET-1&b=2', 'apikey: SECRET-1', 'API_KEY=SECRET-1;', 'api-key:SECRET-1',
    '<apikey>SECRET-1</apikey>', '{"body":"{\\"apikey\\":\\"SECRET-1\\"}"}', '{"apikey":"SECRET-1', `${'x'.repeat(2_030)}"apikey":"SECRET-1"`,
  ])('T67 the value of an API key is taken out: %s', (answer) => {
    const kept = keptAnswer(Buffer.from(answer));
    expect(kept).not.toMatch(/SEC|RET-1/);
    expect(kept.startsWith(answer.slice(0, 3).toLowerCase() === 'api' ? answer.slice(0, 3) : answer.slice(0, 2))).toBe(true);
  });

  it('T67 the rest of the answer stays as it is', () => {
    expect(keptAnswer(Buffer.from('{"apikey":"SECRET","event":"messages.upsert"}'))).toBe('{"apikey":[removed],"event":"messages.upsert"}');
    expect(keptAnswer(Buffer.from('no keys here: 1, 2'))).toBe('no keys here: 1, 2');
  });
});
