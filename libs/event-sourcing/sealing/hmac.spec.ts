import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hkdf, MacKey } from './hmac.js';

const key = fc.uint8Array({ maxLength: 64 });

describe('HMAC and HKDF', () => {
  it('RFC 4231, case 2', () => expect(Buffer.from(new MacKey(Buffer.from('Jefe')).mac('what do ya want for nothing?', 'latin1'), 'latin1').toString('hex'))
    .toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'));
  it("are Node's own for any key and text", () => fc.assert(fc.property(key, fc.string({ unit: 'binary', maxLength: 3_000 }).filter((t) => t.isWellFormed()), (k, text) => {
    expect(new MacKey(k).mac(text)).toBe(createHmac('sha256', k).update(text).digest('base64url'));
  })));
  it("are Node's own for any bytes, with one prepared key after another", () => fc.assert(fc.property(key, fc.uint8Array({ maxLength: 10_000 }), fc.string({ maxLength: 200 }), (k, bytes, info) => {
    const prepared = new MacKey(k);
    expect(Buffer.from(prepared.mac(bytes, 'latin1'), 'latin1')).toEqual(createHmac('sha256', k).update(bytes).digest());
    expect(prepared.mac(info)).toBe(createHmac('sha256', k).update(info).digest('base64url'));
    expect(hkdf(bytes.subarray(0, 64), info)).toEqual(Buffer.from(hkdfSync('sha256', bytes.subarray(0, 64), '', info, 32)));
  })));
  it('takes no key that would have to be hashed first', () => expect(() => new MacKey(Buffer.alloc(65))).toThrow('at most 64 bytes'));
});
