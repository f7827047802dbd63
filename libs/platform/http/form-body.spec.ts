import { describe, expect, it } from '@jest/globals';
import { Refusal } from '#libs/event-sourcing/errors';
import { parseForm } from './form-body.js';

describe('a form', () => {
  it.each<[string, Record<string, unknown>]>([
    ['', {}], ['a=1&b=2', { a: '1', b: '2' }], ['a=one+two%2B&b', { a: 'one two+', b: '' }], ['name=%C3%A9&x=%00', { name: 'é', x: '\0' }],
    ['a=1&a=2&a=3', { a: ['1', '2', '3'] }], ['a=b=c&&', { a: 'b=c' }], ['constructor=1', { constructor: '1' }],
  ])('%j is read', (text, fields) => expect(parseForm(Buffer.from(text))).toEqual(fields));
  it.each(['a=%', 'a=%zz', 'a=%ff', 'a=é', 'a=\r\nb', '__proto__=x', '__proto__[role]=x&__proto__=1', Array.from({ length: 201 }, (_, i) => `f${i}=1`).join('&')])('%j is not', (text) => {
    expect(() => parseForm(Buffer.from(text))).toThrow(Refusal);
    expect('role' in {}).toBe(false);
  });
});
