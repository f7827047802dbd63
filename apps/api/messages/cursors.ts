import { createCipheriv, timingSafeEqual } from 'node:crypto';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';

const MARK_BYTES = 16;

/** Page marks that only this list, with these filters, for this owner, takes back. They show nothing: a list may be sorted by what it does not tell. */
export class Cursors {
  constructor(private readonly keyring: Keyring) {}

  write(values: readonly string[], scope: readonly string[]): string {
    const plain = Buffer.from(JSON.stringify(values));
    const mark = this.#mark(plain, scope);
    return Buffer.concat([mark, this.#turned(plain, mark)]).toString('base64url');
  }

  /** @throws Refusal invalid_cursor */
  read(cursor: string, scope: readonly string[]): string[] {
    const bytes = Buffer.from(cursor, 'base64url');
    const mark = bytes.subarray(0, MARK_BYTES);
    // one spelling only: base64 passes over what it does not know, and the last bits of the last character
    if (bytes.length <= MARK_BYTES || bytes.toString('base64url') !== cursor) throw new Refusal('invalid_cursor');
    const plain = this.#turned(bytes.subarray(MARK_BYTES), mark);
    if (!timingSafeEqual(mark, this.#mark(plain, scope))) throw new Refusal('invalid_cursor');
    return JSON.parse(plain.toString('utf8')) as string[];
  }

  /** What is inside, with where it counts, under our key: the nonce too, so that the same page has the same mark. */
  #mark(plain: Buffer, scope: readonly string[]): Buffer {
    return this.keyring.mac('cursor', JSON.stringify([scope, plain.toString('base64')])).subarray(0, MARK_BYTES);
  }
  /** Sealed, or opened. */
  #turned(text: Buffer, mark: Buffer): Buffer {
    return createCipheriv('aes-256-ctr', this.keyring.mac('cursor-key', ''), mark).update(text);
  }
}
