import { timingSafeEqual } from 'node:crypto';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';

/** Page marks that only this list, with these filters, for this owner, takes back. */
export class Cursors {
  constructor(private readonly keyring: Keyring) {}

  write(values: readonly string[], scope: readonly string[]): string {
    const text = Buffer.from(JSON.stringify(values)).toString('base64url');
    return `${text}.${this.#mac(text, scope).toString('base64url')}`;
  }

  /** @throws Refusal invalid_cursor */
  read(cursor: string, scope: readonly string[]): string[] {
    const [text, mac, ...rest] = cursor.split('.');
    const given = Buffer.from(mac ?? '', 'base64url');
    const right = this.#mac(text!, scope);
    if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) throw new Refusal('invalid_cursor');
    return JSON.parse(Buffer.from(text!, 'base64url').toString('utf8')) as string[];
  }

  #mac(text: string, scope: readonly string[]): Buffer {
    return this.keyring.mac('cursor', JSON.stringify([scope, text])).subarray(0, 16);
  }
}
