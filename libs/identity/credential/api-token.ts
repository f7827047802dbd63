import { hash, timingSafeEqual } from 'node:crypto';

/**
 * An API token's text is `hgt_{id}_{secret}`: 32 and 64 hexadecimal digits, lower case, so that no part can hold the
 * separator and every token has exactly one spelling. The id (128 random bits) names its stream; the secret is 256
 * random bits, and for that reason a plain SHA-256 is enough to keep: there is no list of likely secrets to try,
 * so slowing each guess down, as for a password, would only slow us.
 */
const TEXT = /^hgt_([0-9a-f]{32})_[0-9a-f]{64}$/;

export interface NewApiToken {
  id: string;
  /** shown once, to whoever asked for it, and kept nowhere */
  text: string;
  /** what is kept */
  sha256: string;
}

/** @param random so many bytes from a cryptographic source */
export function newApiToken(random: (bytes: number) => Buffer): NewApiToken {
  const id = random(16).toString('hex');
  const text = `hgt_${id}_${random(32).toString('hex')}`;
  return { id, text, sha256: hash('sha256', text) };
}

/** The id that a token names; null for anything that is not exactly a token's text. */
export const apiTokenId = (text: string): string | null => TEXT.exec(text)?.[1] ?? null;

/** Whether a text is the token with that hash; takes as long for a near miss as for a far one. */
export const isApiToken = (text: string, sha256: string): boolean =>
  timingSafeEqual(hash('sha256', text, 'buffer'), Buffer.from(sha256, 'hex'));
