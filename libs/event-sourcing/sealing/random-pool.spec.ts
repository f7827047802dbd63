import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { randomPool } from './random-pool.js';

describe('a pool of random bytes', () => {
  it('hands out every byte of its source once and in order, over the seams, whatever is asked for', () => {
    const drawn: Buffer[] = [];
    const random = randomPool((n) => { const bytes = randomBytes(n); drawn.push(Buffer.from(bytes)); return bytes; });
    const pieces = Array.from({ length: 5_000 }, (_, i) => random([12, 32, 16, 1][i % 4]!));
    const source = Buffer.concat(drawn);
    let at = 0;
    for (const piece of pieces) {
      const found = source.indexOf(piece, at);
      expect(found).toBeGreaterThanOrEqual(at);
      if (piece.length > 1) expect(found - at).toBeLessThan(32); // at most the rest of a pool is passed over
      at = found + piece.length;
    }
    expect(random(100_000)).toHaveLength(100_000);
  });

  it('keeps nothing of what it gave, and what it gave stays as it was', () => {
    let pool!: Buffer;
    const random = randomPool((n) => (pool = randomBytes(n)));
    const first = random(32), copy = Buffer.from(first);
    expect(pool.subarray(0, 32)).toEqual(Buffer.alloc(32));
    random(32);
    first.fill(0);
    expect(copy.equals(Buffer.alloc(32))).toBe(false);
    expect(random(32).equals(Buffer.alloc(32))).toBe(false);
  });
});
