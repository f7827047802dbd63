import { hash } from 'node:crypto';

/**
 * HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869) over Node's one-shot hash. A message needs five of them, and Node's
 * own Hmac objects and HKDF jobs take twice the time and leave native garbage behind (docs/benchmarks.md). The specs hold
 * them to Node's own.
 */
const BLOCK = 64, SIZE = 32;
/** Synchronous code only ever uses it, one call at a time. */
let scratch = Buffer.allocUnsafeSlow(BLOCK + 4096);

/** A key, prepared: its inner and outer pads. At most 64 bytes. */
export class MacKey {
  readonly #inner = Buffer.alloc(BLOCK, 0x36);
  readonly #outer = Buffer.alloc(BLOCK + SIZE, 0x5c);

  constructor(key: Uint8Array) {
    if (key.length > BLOCK) throw new Error(`a key of at most ${BLOCK} bytes, not ${key.length}`);
    for (let i = 0; i < key.length; i++) { this.#inner[i]! ^= key[i]!; this.#outer[i]! ^= key[i]!; }
    this.#outer.fill(0, BLOCK);
  }

  /** Of a text (UTF-8) or of bytes. */
  mac(message: string | Uint8Array, encoding: 'base64url' | 'latin1' = 'base64url'): string {
    const room = BLOCK + (typeof message === 'string' ? 3 * message.length : message.length);
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(room);
    this.#inner.copy(scratch);
    const bytes = typeof message === 'string' ? scratch.write(message, BLOCK) : (scratch.set(message, BLOCK), message.length);
    // text out and back in is cheaper than a buffer of its own
    this.#outer.write(hash('sha256', scratch.subarray(0, BLOCK + bytes), 'latin1'), BLOCK, 'latin1');
    return hash('sha256', this.#outer, encoding);
  }
}

const NO_SALT = new MacKey(Buffer.alloc(0));

/** HKDF with an empty salt, 32 bytes out. */
export function hkdf(key: Uint8Array, info: string): Buffer {
  const extracted = Buffer.from(NO_SALT.mac(key, 'latin1'), 'latin1');
  return Buffer.from(new MacKey(extracted).mac(`${info}\x01`, 'latin1'), 'latin1');
}
