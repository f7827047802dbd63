import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '#libs/event-sourcing/errors';
import { MAX_DEPTH, parseStrict } from './strict-json.js';

const refusalOf = (input: string | Buffer): Refusal => {
  try {
    parseStrict(input);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('was accepted');
};

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** Any JSON that can be kept exactly as it is written. */
const keepable = (maxDepth: number): fc.Arbitrary<fc.JsonValue> => fc.jsonValue({ maxDepth, stringUnit: 'grapheme' }).filter((value) => {
  const bad = (v: unknown): boolean => typeof v === 'number' ? Object.is(v, -0) || (Number.isInteger(v) && !Number.isSafeInteger(v))
    : typeof v === 'object' && v !== null && (Object.hasOwn(v, '__proto__') || Object.values(v).some(bad));
  return !bad(value);
});

describe('parseStrict', () => {
  it('reads what JSON.parse reads, whatever is in keys and strings', () => {
    fc.assert(fc.property(keepable(6), fc.boolean(), (value, bytes) => {
      const text = JSON.stringify(value);
      expect(parseStrict(bytes ? Buffer.from(text) : text)).toStrictEqual(JSON.parse(text));
    }));
  });

  it('finds any key given twice, wherever it stands', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), keepable(2), fc.nat(5), (key, value, depth) => {
      fc.pre(key !== '__proto__' && key !== 'x');
      const member = `${JSON.stringify(key)}:1`;
      const text = `{"before":${JSON.stringify(value)},"in":${'['.repeat(depth)}{${member},"x":[{}],${member}}${']'.repeat(depth)}}`;
      const refusal = refusalOf(text);
      expect(refusal.code).toBe('malformed_json');
      expect(refusal.message).toContain('given twice');
    }));
  });

  it.each([
    ['{"a":1,"a":2}', '"a"'],
    ['{"a":1,"\\u0061":2}', '"a"'],
    ['{"o":{"k\\"":1,"k\\"":2}}', '"k\\""'],
    ['[{"a:b":"\\\\"},{"z":1,"z":1}]', '"z"'],
  ])('T21 duplicate key %s: 400 and the key is named', (text, name) => {
    expect(refusalOf(text).code).toBe('malformed_json');
    expect(refusalOf(text).message).toContain(`The key ${name} is given twice`);
  });

  it.each([
    ['100,000 nested [', '['.repeat(100_000)],
    ['100,000 nested [ and ]', nested(100_000)],
    ['one level too deep', nested(MAX_DEPTH + 1)],
    ['trailing comma', '{"a":1,}'],
    ['trailing comma in an array', '[1,]'],
    ['byte order mark', Buffer.from('\uFEFF{"a":1}')],
    ['byte order mark in a text', '\uFEFF{"a":1}'],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['single quotes', "{'a':1}"],
    ['empty', ''],
    ['an open string', '{"a":"b'],
    ['NaN', '{"a":NaN}'],
    ['T22 __proto__', '{"__proto__":{"role":"admin"}}'],
    ['T22 __proto__, escaped and deep', '[{"a":{"\\u005f_proto__":1}}]'],
    ['T22 constructor.prototype', '{"constructor":{"prototype":{"x":1}}}'],
  ])('T21 %s: 400', (_, input) => {
    expect(refusalOf(input).code).toBe('malformed_json');
  });

  it.each([
    ['1e999', '{"n":1e999}'],
    ['-1e999', '[-1e999]'],
    ['an unsafe integer', '{"n":12345678901234567890}'],
    ['an unsafe integer alone', '9007199254740993'],
    ['half a surrogate pair', '{"s":"\\ud83d"}'],
    ['half a surrogate pair in a key', '{"\\udc00":1}'],
    ['half a surrogate pair alone', '"\\ud83d"'],
  ])('T21 %s: 422', (_, input) => {
    expect(refusalOf(input).code).toBe('validation_failed');
  });

  it('T21 -0 is read as 0', () => {
    expect(parseStrict('{"limit":-0,"list":[-0]}')).toStrictEqual({ limit: 0, list: [0] });
  });

  it('takes the depth that is allowed and whole pairs', () => {
    expect(parseStrict(nested(MAX_DEPTH))).toBeInstanceOf(Array);
    expect(parseStrict('"\\ud83d\\ude00"')).toBe('😀');
  });

  it('T22 leaves Object.prototype as it was', () => {
    expect(refusalOf('{"__proto__":{"role":"admin","x":1}}').code).toBe('malformed_json');
    expect('role' in {} || 'x' in {}).toBe(false);
  });
});
