import { timingSafeEqual } from 'node:crypto';

/** HMAC under a secret outside the log; see `Keyring.mac`. */
export type Mac = (purpose: string, text: string) => Buffer;

/** The link counts so long. */
export const RESET_MINUTES = 30;
const FORM = /^([0-9a-f]{32})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/;

const macOf = (mac: Mac, user: string, reset: string): string => mac('password-reset', `${user} ${reset}`).toString('base64url');

export const newReset = (random: (bytes: number) => Buffer): string => random(16).toString('hex');

/**
 * The token of a link: `{user}.{reset}.{32 bytes}`, the bytes derived from both ids under a secret outside the log. It is made when the mail
 * is sent and stands nowhere, so nobody who reads log, views or queues can make it.
 */
export const resetToken = (mac: Mac, user: string, reset: string): string => `${user.slice('usr_'.length)}.${reset}.${macOf(mac, user, reset)}`;

/** Whom and which request a token is for; null unless it is one of ours. Whether it still counts, the account says. */
export function readResetToken(mac: Mac, token: string): { user: string; reset: string } | null {
  const [, id, reset, given] = FORM.exec(token) ?? [];
  if (id === undefined || reset === undefined || given === undefined) return null;
  const user = `usr_${id}`;
  return timingSafeEqual(Buffer.from(given), Buffer.from(macOf(mac, user, reset))) ? { user, reset } : null;
}
