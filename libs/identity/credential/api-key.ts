import { timingSafeEqual } from 'node:crypto';

/**
 * An API key's text is `hgk_{id}_{secret}`: 32 and 64 hexadecimal digits, lower case, so that every key has exactly one spelling.
 * The id names its stream; the secret is 256 random bits. What is kept is an HMAC under a key outside the log, so that who
 * reads log and views cannot even tell whether a key that he found is one of ours.
 */
const TEXT = /^hgk_([0-9a-f]{32})_[0-9a-f]{64}$/;
const PREFIX_LENGTH = 15;
const PURPOSE = 'api-key';

/** HMAC-SHA-256 under a secret that is never rotated: the keyring's. */
export type Mac = (purpose: string, text: string) => Buffer;

export interface NewApiKey {
  id: string;
  /** shown once, to whoever asked for it, and kept nowhere */
  text: string;
  /** its first 15 characters, for lists */
  prefix: string;
  /** what is kept */
  mac: string;
}

/** @param random so many bytes from a cryptographic source @param id 32 hexadecimal digits, lower case */
export function newApiKey(random: (bytes: number) => Buffer, mac: Mac, id: string = random(16).toString('hex')): NewApiKey {
  const text = `hgk_${id}_${random(32).toString('hex')}`;
  return { id, text, prefix: text.slice(0, PREFIX_LENGTH), mac: mac(PURPOSE, text).toString('base64url') };
}

/** The id that a key names; null for anything that is not exactly a key's text. */
export const apiKeyId = (text: string): string | null => TEXT.exec(text)?.[1] ?? null;

/** Whether a text is the key that was kept so; takes as long for a near miss as for a far one. */
export const isApiKey = (text: string, kept: string, mac: Mac): boolean => timingSafeEqual(mac(PURPOSE, text), Buffer.from(kept, 'base64url'));
