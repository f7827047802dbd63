import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Value } from '#libs/event-sourcing/ports/read-models';
import { orderKey, spelled, unspelled } from './order-key.js';

const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const rank = (v: Value): number => ['object', 'number', 'string', 'boolean'].indexOf(typeof v);
const compare = (a: Value, b: Value): number => {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === 'string') return bytes(a, b as string);
  return a === b ? 0 : a! < b! ? -1 : 1;
};
const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a') }));
const value: fc.Arbitrary<Value> = fc.oneof(fc.constantFrom<Value>(null, true, false), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), text);

describe('order keys', () => {
  it('sort by their bytes as the values do: null, numbers, texts, booleans', () => {
    fc.assert(fc.property(value, value, (a, b) => expect(Math.sign(bytes(orderKey(a, 'f'), orderKey(b, 'f')))).toBe(Math.sign(compare(a, b)))), { numRuns: 2000 });
    expect(orderKey(-0, 'f')).toBe(orderKey(0, 'f'));
  });

  it('hold no NUL, and the text comes back', () => {
    fc.assert(fc.property(text, (t) => { expect(spelled(t)).not.toContain('\0'); expect(unspelled(spelled(t))).toBe(t); }), { numRuns: 1000 });
  });

  it('are of plain values only', () => {
    for (const bad of [{}, ['x'], { $ne: null }, 1n]) expect(() => orderKey(bad, 'state')).toThrow('the indexed field state');
    expect(orderKey(Number.NaN, 'f')).toBe(orderKey(null, 'f'));
  });
});
