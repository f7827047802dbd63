import { Ajv } from 'ajv';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { email, emails, eventNames, host, httpUrl, inRanges, integer, line, ranges, scopes, yesOrNo } from './form.js';
import { NAMES, settingOf } from './table.js';

const ajv = new Ajv({ allowUnionTypes: true, strictTypes: false });

describe('a form', () => {
  it.each([
    [host, ['smtp.example.com', 'localhost', '192.0.2.1', '::1', '2001:db8::25'], ['', 'a b', '127.1', '0x7f.1', '2130706433', 'a..b', '-a', 'a_b', '[::1]', 'a:25', ':::', 'a\nb', 'x'.repeat(254)]],
    [httpUrl, ['https://example.com/', 'http://192.0.2.1:8080/a?b=c'], ['ftp://a/', 'https://', 'https://u:p@a/', 'https://a/#x', 'https://a/ b', 'https://a\\b', 'javascript:1', 'https://a/\n']],
    [email, ['a@example.com', "o'neil+tag@sub.example.com"], ['a', 'a@b', 'a@b c.com', 'a@example.com\nBcc: x@y.zz', '<a@example.com>', 'a@-b.com', 'a@@b.com']],
    [ranges, [[], ['192.0.2.7'], ['10.0.0.0/8', '2001:db8::/32', '::1']], ['10.0.0.1', ['10.0.0.0/33'], ['10.0.0.0/'], ['10.0.0.0/08'], ['10.1'], ['0x0a.0.0.1'], ['::ffff:10.0.0.0/104'], ['::/129'], ['a'], [1], ['::1', '::1']]],
    [emails, [[], ['a@example.com', 'b@example.com']], [['a@example.com', 'a@example.com'], ['a'], 'a@example.com']],
    [eventNames, [['ticket.created', 'inventory.*', 'x']], [['Ticket.created'], ['.x'], ['a.'], ['*']]],
    [scopes, [['inventory:read', 'tickets:*']], [['inventory'], ['*:read'], ['a:b:c'], ['A:b']]],
    [line(5), ['abc', 'ÄÖ ü'], ['', 'abcdef', 'a\nb', 'a\u2028b', 7]], [integer(1, 9), [1, 9], [0, 10, 1.5, '5', NaN, Infinity, null, true]], [yesOrNo, [true, false], ['true', 0, null]],
  ])('%# takes what it says, and nothing else', (form, good, bad) => {
    for (const value of good) expect([value, form.accepts(value)]).toEqual([value, true]);
    for (const value of bad) expect([value, form.accepts(value)]).toEqual([value, false]);
  });

  it('has a schema that lets in all that it takes', () => {
    for (const name of NAMES) {
      const { form, fallback } = settingOf(name);
      const check = ajv.compile(form.schema);
      if (fallback !== null) expect([name, check(fallback)]).toEqual([name, true]);
      fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.string(), fc.integer(), fc.array(fc.string(), { maxLength: 3 })), (value) => { if (form.accepts(value)) expect([name, value, check(value)]).toEqual([name, value, true]); }), { numRuns: 30 });
    }
  });

  it('reads from a line of text what it takes, and leaves the rest to be refused', () => {
    expect([integer(1, 9).read('7'), integer(1, 9).read('07'), yesOrNo.read('true'), yesOrNo.read('yes'), ranges.read('::1, 10.0.0.0/8'), ranges.read('')]).toEqual([7, '07', true, 'yes', ['::1', '10.0.0.0/8'], []]);
  });

  it.each<[string, string[], boolean]>([
    ['192.0.2.7', ['192.0.2.0/24'], true], ['192.0.3.7', ['192.0.2.0/24'], false], ['::ffff:192.0.2.7', ['192.0.2.7'], true], ['192.0.2.7', ['::ffff:192.0.2.7'], true], ['2001:db8::7', ['2001:db8::/32'], true],
    ['2001:db9::7', ['2001:db8::/32'], false], ['192.0.2.7', ['::/0'], false], ['192.0.2.7', ['0.0.0.0/0'], true], ['192.0.2.7', [], false], ['nonsense', ['0.0.0.0/0'], false],
  ])('%s lies in %j: %s', (address, all, is) => { expect(inRanges(address, all)).toBe(is); });
});
