/** Rows T39, T40, T42 of the threats, over real HTTP, on both listeners: what is refused leaves nothing behind, what is taken comes back as it was. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WholeHouse, type Client, type Reply } from './whole-house.js';

const AT = '/api/v1/messages';
let whole: WholeHouse, user: Client, device: Client;
beforeAll(async () => {
  whole = await WholeHouse.open();
  [user, device] = await Promise.all([whole.signedIn('journeys'), whole.certified('device')]);
}, 30_000);
afterAll(() => whole.close());

/** The reply, and whether anything was written for it. */
async function leaving(ask: () => Promise<Reply>): Promise<Reply & { wrote: boolean }> {
  const { eventStore } = whole.house.engine;
  const before = await eventStore.head();
  const reply = await ask();
  return { ...reply, wrote: (await eventStore.readAll(before, ['message-', 'batch-'], 10_000)).events.some((e) => e.type === 'MessageAccepted' || e.type === 'BatchAccepted') };
}
const s1 = (sender: unknown, body: unknown = 'hello', client = user): Promise<Reply & { wrote: boolean }> => leaving(() => client('POST', AT, { body: { sender_number: sender, message_body: body } }));
const native = (body: unknown, over: object = {}): Promise<Reply & { wrote: boolean }> => leaving(() => user('POST', AT, { body: { to: '+15550002222', body, ...over } }));
const BAD_NUMBERS: unknown[] = [
  '1234567890', '+1-234-567-890', '+0123456789', '+1', '+1234567890123456', '+1234567890\n', ' +1234567890', '＋1234567890', '+١٢٣٤٥٦٧', 'tel:+1234567890', 1234567890, '+1234567890;ext=1', null, '', ['+1234567890'],
];

describe("T39 S1's sender_number", () => {
  it.each(BAD_NUMBERS.map((n) => [JSON.stringify(n), n]))('T39 %s: 400, in the manual\'s words, and no event', async (_, number) => {
    for (const client of [user, device]) {
      const reply = await s1(number, 'hello', client);
      expect(reply).toMatchObject({ status: 400, wrote: false, body: { code: 'invalid_sender_number', title: 'Invalid sender number' } });
      expect(reply.body.detail).toContain('Invalid sender number');
      expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
  });
  it('T39 missing: 400', async () => expect(await leaving(() => user('POST', AT, { body: { message_body: 'hello' } }))).toMatchObject({ status: 400, wrote: false }));
  it.each(['+12', '+123456789012345'])('T39 %s passes', async (number) => expect(await s1(number)).toMatchObject({ status: 200, wrote: true }));
  it.each(BAD_NUMBERS.filter((n) => n !== undefined).map((n) => [JSON.stringify(n), n]))('T39 %s as a native recipient: 422', async (_, to) =>
    expect(await native('hello', { to })).toMatchObject({ status: 422, wrote: false, body: { code: 'validation_failed', errors: [{ field: 'to' }] } }));
});

describe('T40 the length of a text', () => {
  it.each<[string, string, number]>([
    ['0 characters', '', 400], ['1,000 characters', 'x'.repeat(1_000), 200], ['1,001 characters', 'x'.repeat(1_001), 400], ['1,000 emoji', '😀'.repeat(1_000), 200], ['1,001 emoji', '😀'.repeat(1_001), 400],
    ['a and 10,000 variation selectors', `a${'\uFE0F'.repeat(10_000)}`, 400], ['1,000 combining marks', '\u0301'.repeat(1_000), 200],
    ['10 kB of zero-width characters', '\u200B'.repeat(3_413), 400],
  ])('T40 %s', async (_, text, status) => {
    expect(await s1('+15550001111', text)).toMatchObject({ status, wrote: status === 200 });
    expect(await native(text)).toMatchObject({ status: status === 200 ? 202 : 422, wrote: status === 200 });
  });
  it('T40 only spaces: 400', async () => expect(await s1('+15550001111', '   ')).toMatchObject({ status: 400, wrote: false }));
});

describe('T42 texts that try something', () => {
  it.each([['NUL', 'a\u0000b'], ['an escape sequence', 'a\u001b[2Jb'], ['a carriage return', 'a\r\n.\r\nb'], ['C1', 'a\u0085b'], ['DEL', 'a\u007fb']])('T42 %s: 422, for S1 400', async (_, text) => {
    expect(await native(text)).toMatchObject({ status: 422, wrote: false, body: { errors: [{ field: 'body' }] } });
    expect(await s1('+15550001111', text)).toMatchObject({ status: 400, wrote: false });
  });
  it.each([
    [AT, '{"to":"+15550002222","body":"a\\ud83db"}', 422, 'body'], [AT, '{"to":"+15550002222","body":"\\"message_body\\": a\\ud83db"}', 422, 'body'],
    [AT, '{"sender_number":"+15550002222","message_body":"a\\ud83db"}', 400, 'message_body'], ['/auth/signup', '{"username":"a\\ud83db","password":"password123"}', 400, 'username'],
  ])('T42 half of a surrogate pair, %s %s: %i', async (at, raw, status, field) =>
    expect(await leaving(() => user('POST', at, { raw }))).toMatchObject({ status, wrote: false, body: { code: status === 400 ? 'invalid_request' : 'validation_failed', errors: [{ field }] } }));
  it.each([
    ['right-to-left override', 'a\u202Eb'], ['line separator', 'a\u2028b'], ['zero-width', 'a\u200B\u200Cb'], ['HTML', '<script>alert(1)</script>&amp;'], ['a template', '{{constructor}} ${x} %s'], ['tab and line', 'a\tb\nc'],
    ['what looks sealed', 's1|sub_x|messages|2030-01-01|body|MessageAccepted|0|message-1|AAAA'],
  ])('T42 %s: comes back, and reaches the gateway, byte for byte', async (_, text) => {
    const { status, body: { id } } = await native(text);
    expect(status).toBe(202);
    expect(await whole.shown(user, id, 'sent')).toMatchObject({ body: text });
    expect((await user('GET', `${AT}/${id}/events`)).body.events[0]!.data.body).toBe(text);
    expect(whole.mock.received().find((c) => c.idempotencyKey === `${id}/1`)!.text).toBe(text);
  });
});

describe('the form of a request', () => {
  it('both bodies mixed: 422, naming what is mixed', async () => {
    const reply = await leaving(() => user('POST', AT, { body: { sender_number: '+15550001111', message_body: 'a', to: '+15550002222', body: 'b' } }));
    expect(reply).toMatchObject({ status: 422, wrote: false });
    expect(reply.body.errors.map((e) => e.field)).toEqual(['sender_number', 'message_body', 'to', 'body']);
  });
  it.each<[string, object, string]>([
    ['an unknown field', { colour: 'red' }, 'colour'], ['a template, which there is none of yet', { template: 'welcome' }, 'template'], ['variables of one', { variables: { name: 'A' } }, 'variables'], ['an unknown channel', { channel: 'pigeon' }, 'channel'], ['an unknown gateway', { gateway: 'nowhere' }, 'gateway'],
    ['a gateway of another channel', { gateway: 'http' }, 'gateway'], ['no date', { send_at: 'tomorrow' }, 'send_at'], ['a date without a zone', { expires_at: '2030-01-01T00:00:00' }, 'expires_at'],
    ['an expiry in the past', { expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'], ['an expiry before it is due', { send_at: '2030-01-02T00:00:00Z', expires_at: '2030-01-01T00:00:00Z' }, 'expires_at'],
    ['metadata that is no object', { metadata: 'x' }, 'metadata'], ['metadata over 4 kB', { metadata: { x: 'x'.repeat(4_096) } }, 'metadata'],
  ])('%s: 422, naming the field', async (_, over, field) => {
    const reply = await native('hello', over);
    expect(reply).toMatchObject({ status: 422, wrote: false, body: { code: 'validation_failed' } });
    expect(reply.body.errors.map((e) => e.field)).toContain(field);
  });
  it.each<[string, string, string, number]>([['', 'not signed in', '', 401], ['[]', 'a list', 'application/json', 422], ['{"to"', 'no JSON', 'application/json', 400], ['a=b', 'a form', 'application/x-www-form-urlencoded', 415]])('%s (%s)', async (raw, _, type, status) => {
    const reply = await leaving(() => (status === 401 ? whole.bearer('nobody')('POST', AT, { body: { to: '+15550002222', body: 'b' } }) : user('POST', AT, { raw, headers: { 'content-type': type } })));
    expect(reply).toMatchObject({ status, wrote: false });
  });
  it('a trace of the caller goes through the whole life', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { body: { id } } = await user('POST', AT, { body: { to: '+15550002222', body: 'traced' }, headers: { traceparent } });
    await whole.shown(user, id, 'sent');
    const events = await whole.house.engine.eventStore.read(`message-${id}`, 0, 10);
    expect(events.map((e) => e.metadata.traceparent)).toEqual([traceparent, traceparent, traceparent]);
    expect(new Set(events.map((e) => e.metadata.correlationId)).size).toBe(1);
  });
});
