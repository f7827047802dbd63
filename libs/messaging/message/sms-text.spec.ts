import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { smsSegments, smsText } from './sms-text.js';

const a = (n: number): string => 'a'.repeat(n);

describe('SMS text', () => {
  it.each([
    [a(160), 1], [a(161), 2], [`${a(159)}€`, 2], [`${a(152)}€${a(152)}`, 3], [`’${a(69)}`, 1], [`’${a(70)}`, 2], [`${a(66)}😀${a(3)}`, 2], ['`', 1],
  ])('T41 counts parts: case %#', (text, count) => {
    expect(smsText(text).parts).toHaveLength(count);
    expect(smsSegments(text)).toBe(count);
  });
  it('T41 cuts neither an escape pair nor a surrogate pair', () => {
    expect(smsText(`${a(66)}😀${a(3)}`).parts.map((p) => p.length)).toEqual([66, 5]);
    expect(smsText('`').encoding).toBe('UCS-2');
  });
  it('joins to the text, whatever the text', () => fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'a€^’😀`\n{é'), maxLength: 500 }), (text) => {
    const { parts } = smsText(text);
    expect(parts.join('')).toBe(text);
    expect(smsSegments(text)).toBe(parts.length);
  })));
});
