import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type EncodedRow, decode, encode } from './canonical.js';
import { Damaged, Refusal, TooLarge } from './errors.js';
import type { NewEvent } from './event.js';
import { ERASED, headerText } from './sealed.js';

const stream = 'message-msg_1';
const header = (over: Partial<Parameters<typeof headerText>[0]> = {}) =>
  headerText({ subject: 'sub_1', category: 'messages', day: '2026-01-02', field: 'body', type: 'MessageAccepted', revision: 3, stream, ...over });
const sealed = (over = {}) => `${header(over)}|Y2lwaGVydGV4dA`;

const event = (data: unknown = { channel: 'sms', body: sealed() }): NewEvent => ({
  id: 'evt_1', type: 'MessageAccepted', version: 1, data,
  tags: { owner: 'demo', parent: 'run_1', subjects: ['sub_1'], acceptedAt: '2026-01-02T03:04:05.000Z' },
  metadata: { correlationId: 'req_1', causationId: 'req_1', principal: 'demo', traceparent: '00-0af7-b7ad-01', at: '2026-01-02T03:04:05.000Z' },
});
const row = (e = event(), over: Partial<EncodedRow> = {}): EncodedRow => {
  const { data, meta, sum } = encode(stream, 3, e);
  return { position: '0000000000000042', stream, revision: 3, id: e.id, type: e.type, data, meta, sum, ...over };
};

describe('the stored form of an event', () => {
  it('is the golden one: what is on disk stays readable for ever', () => {
    expect(encode(stream, 3, event())).toEqual({
      data: '{"channel":"sms","body":"s1|sub_1|messages|2026-01-02|body|MessageAccepted|3|message-msg_1|Y2lwaGVydGV4dA"}',
      meta: '{"v":1,"o":"demo","p":"run_1","s":["sub_1"],"a":"2026-01-02T03:04:05.000Z","c":"req_1","u":"req_1","w":"demo","t":"00-0af7-b7ad-01","at":"2026-01-02T03:04:05.000Z"}',
      sum: 'XpQ_Ogt0iDq7maPft4GffT',
      bytes: 271,
    });
  });

  it('comes back as it went in, with or without the fields that may be missing', () => {
    const bare: NewEvent = { ...event({ text: 'grüße 👋 \ud800', n: [1, null, true] }), tags: { owner: 'demo' }, metadata: { correlationId: 'c', causationId: 'u', principal: 'system:clock', at: 'now' } };
    for (const e of [event(), bare]) {
      expect(decode(row(e))).toStrictEqual({ ...e, stream, revision: 3, position: '0000000000000042' });
    }
  });

  it('finds an event that was altered or moved, in any field, and names its position', () => {
    const altered: Partial<EncodedRow>[] = [
      { stream: 'message-msg_2' }, { revision: 4 }, { id: 'evt_2' }, { type: 'MessageSent' },
      { data: '{"channel":"sns"}' }, { meta: row().meta.replace('demo', 'evil') }, { sum: row().sum.toLowerCase() },
    ];
    for (const over of altered) {
      expect(() => decode(row(event(), over))).toThrow(Damaged);
      expect(() => decode(row(event(), over))).toThrow('at position 0000000000000042');
    }
  });

  it('finds every single flipped bit of data, meta and checksum', () => {
    const good = row();
    let found = 0;
    let flipped = 0;
    for (const field of ['data', 'meta', 'sum'] as const) {
      for (let i = 0; i < good[field].length; i++) {
        const text = good[field];
        const over = text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ 1) + text.slice(i + 1);
        flipped++;
        try { decode({ ...good, [field]: over }); } catch (e) { if (e instanceof Damaged && e.position === good.position) found++; }
      }
    }
    expect(flipped).toBeGreaterThan(250);
    expect(found).toBe(flipped);
  });

  it.each([{ stream: 'message-msg_2' }, { revision: 2 }, { type: 'MessageEdited' }])('takes no sealed value of another event: %o', (other) => {
    expect(() => encode(stream, 3, event({ a: sealed(), nested: [{ b: sealed(other) }] }))).toThrow(Refusal);
  });

  it('finds a sealed value copied from another event even under a right checksum', () => {
    const { meta } = row();
    const under = (data: string) => createHash('sha256').update(`${stream}\n3\nevt_1\nMessageAccepted\n${data}\n${meta}`).digest('base64url').slice(0, 22);
    const own = JSON.stringify({ body: sealed() });
    expect(decode({ ...row(), data: own, sum: under(own) }).data).toEqual({ body: sealed() });
    for (const other of [{ revision: 2 }, { revision: 13 }, { type: 'MessageEdited' }, { stream: 'message-msg_11' }, { stream: 'x-message-msg_1' }]) {
      const data = JSON.stringify({ first: sealed(), body: sealed(other) });
      expect(() => decode({ ...row(), data, sum: under(data) })).toThrow('sealed value of another event, at position 0000000000000042');
    }
  });

  it('takes the mark of an erased value, and "s1|" inside a text', () => {
    for (const data of [{ body: ERASED }, { text: 'he said "s1|x" to me' }, { text: 'a s1|b' }]) {
      expect(decode(row(event(data))).data).toEqual(data);
    }
    expect(() => encode(stream, 3, event({ text: 's1|not sealed' }))).toThrow(Refusal);
  });

  it('refuses unsafe field names, and only names', () => {
    for (const text of ['{"__proto__":{"admin":true}}', '{"a":[{"constructor":{"prototype":{}}}]}']) {
      expect(() => encode(stream, 3, event(JSON.parse(text)))).toThrow(Refusal);
    }
    expect(decode(row(event({ key: '__proto__', text: '{"__proto__":1}' }))).data).toEqual({ key: '__proto__', text: '{"__proto__":1}' });
  });

  it('refuses what is over one mebibyte, and names with line breaks or bars', () => {
    expect(() => encode(stream, 3, event({ text: 'x'.repeat(1024 * 1024) }))).toThrow(TooLarge);
    expect(() => encode('message-a|b', 0, event({}))).toThrow('visible ASCII');
    expect(() => encode('message-a\nb', 0, event({}))).toThrow('visible ASCII');
    expect(() => encode('', 0, event({}))).toThrow('visible ASCII');
  });
});
