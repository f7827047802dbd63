import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TooLarge } from '#libs/event-sourcing/errors';
import { decode, encode, parked } from './record.js';

const job = { topic: 't', stream: 'message-msg_1', id: 'msg_1/1', lane: 'sms' };
const own = encode(job, 'heliograph-t');
const read = (value: string | Buffer, key: string | null = job.stream) => decode({ key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }, 't');

describe('a job as a record', () => {
  it('comes back as it was, whatever its names hold', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(fc.property(text.filter((s) => s !== ''), text.filter((s) => s !== ''), text, (stream, id, lane) => {
      const { key, value } = encode({ topic: 't', stream, id, lane }, 'x');
      expect(decode({ key, value }, 't')).toEqual({ topic: 't', stream, id, lane });
    }));
  });

  it('is keyed by its stream', () => expect(own.key!.toString()).toBe(job.stream));
  it('is not sent when it is too large', () => expect(() => encode({ ...job, lane: 'x'.repeat(5_000) }, 't')).toThrow(TooLarge));

  it.each([
    ['not JSON', 'hello', 'not JSON'],
    ['nothing', '', 'not JSON'],
    ['a number', '1', 'not version 1'],
    ['null', 'null', 'not version 1'],
    ['a list', '[]', 'not version 1'],
    ['an older schema', '{"stream":"s","id":"i","lane":"l"}', 'not version 1'],
    ['a newer schema', '{"v":2,"stream":"s","id":"i","lane":"l"}', 'not version 1'],
    ['a field of another type', '{"v":1,"stream":{"x":1},"id":"i","lane":"l"}', 'not a job'],
    ['a name that is empty', '{"v":1,"stream":"","id":"i","lane":"l"}', 'not a job'],
    ['a forged owner beside it', '{"v":1,"stream":"message-msg_1","id":"msg_1/1","lane":"sms","owner":"admin"}', 'not as it is written here'],
    ['__proto__ as a field', '{"v":1,"stream":"message-msg_1","id":"msg_1/1","lane":"sms","__proto__":{"role":"admin"}}', 'not as it is written here'],
    ['its fields through __proto__', '{"__proto__":{"v":1,"stream":"s","id":"i","lane":"l"}}', 'not version 1'],
    ['a field twice', '{"v":1,"stream":"other","stream":"message-msg_1","id":"msg_1/1","lane":"sms"}', 'not as it is written here'],
    ['half a character', '{"v":1,"stream":"\\ud800","id":"i","lane":"l"}', 'not a job'],
    ['too much', JSON.stringify({ v: 1, stream: 's', id: 'i', lane: 'l'.repeat(5_000) }), '5039 bytes, over 4096'],
  ])('%s is parked', (_, value, reason) => {
    expect(read(value)).toEqual({ reason });
    expect(({} as Record<string, unknown>)['role']).toBeUndefined();
  });
  it('bytes that are no text are parked', () => expect(read(Buffer.concat([own.value.subarray(0, 12), Buffer.from([0xff]), own.value.subarray(12)]))).toHaveProperty('reason'));
  it('a record without a value is parked', () => expect(decode({ key: own.key, value: null }, 't')).toEqual({ reason: 'no value' }));
  it.each([['none', null], ['another stream', 'message-msg_2'], ['__proto__', '__proto__']])('a key that is %s is parked: it would be out of order', (_, key) =>
    expect(read(own.value, key)).toEqual({ reason: 'the key is not the stream' }));

  it('what is parked says where it lay and why, and keeps its beginning', () => {
    const kept = parked({ key: null, value: Buffer.alloc(10_000_000, 'x') }, { topic: 'heliograph-t', partition: 3, offset: '17' }, 'not JSON', 'heliograph-t.parked');
    expect(kept).toMatchObject({ topic: 'heliograph-t.parked', key: null, headers: { reason: 'not JSON', topic: 'heliograph-t', partition: '3', offset: '17', bytes: '10000000' } });
    expect(kept.value).toHaveLength(16_384);
  });
});
