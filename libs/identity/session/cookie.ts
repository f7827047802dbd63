import { timingSafeEqual } from 'node:crypto';
import { MacKey } from '#libs/event-sourcing/sealing/hmac';
import type { SigningKeys } from './signing-keys.js';

/**
 * The portal's cookie: `{session}.{started}.{seen}.{kid}.{MAC}`, both moments in seconds since 1970, base 36. It is rolled
 * instead of kept anywhere: no request is an event. Whether the session still counts is another question, for its stream.
 */
const FORM = /^([A-Za-z0-9_]{8,64})\.([0-9a-z]{1,9})\.([0-9a-z]{1,9})\.(k[0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;
/** A cookie is rolled when its last roll was so long ago. */
const ROLL_AFTER_S = 60;
/** A host whose clock is ahead by more than this made it up. */
const TOLERANCE_S = 60;

export const COOKIE_NAME = 'sid';
/** Over TLS: a browser takes it from this host alone, for all of it, and never sends it in the open. */
export const SECURE_COOKIE_NAME = '__Host-sid';

export interface ReadCookie { session: string; /** seconds since 1970 */ started: number; seen: number }

export interface CookiesOptions {
  keys: Pick<SigningKeys, 'key' | 'signing'>;
  now(): Date;
  limits(): { idleMinutes: number; hours: number };
}

export class Cookies {
  constructor(private readonly options: CookiesOptions) {}

  /** The text of a session's first cookie. `startedAt`: UTC, ISO 8601. */
  issue(session: string, startedAt: string): string { return this.#text(session, Math.floor(Date.parse(startedAt) / 1000), this.#now()); }

  /** What a cookie says; null unless form, signature, idle time and whole time are right. */
  read(text: string): ReadCookie | null {
    const [, session, started36, seen36, kid, mac] = FORM.exec(text) ?? [];
    const key = kid === undefined ? null : this.options.keys.key(kid, 'cookie');
    if (!key || !timingSafeEqual(Buffer.from(mac!), Buffer.from(new MacKey(key).mac(text.slice(0, text.lastIndexOf('.')))))) return null;
    const started = parseInt(started36!, 36), seen = parseInt(seen36!, 36), now = this.#now();
    const { idleMinutes, hours } = this.options.limits();
    if (seen > now + TOLERANCE_S || now - seen > idleMinutes * 60 || now - started > hours * 3_600) return null;
    return { session: session!, started, seen };
  }

  /** The text to set in place of the one that was read; null while that one is young enough. */
  rolled({ session, started, seen }: ReadCookie): string | null {
    const now = this.#now();
    return now - seen < ROLL_AFTER_S ? null : this.#text(session, started, now);
  }

  #now(): number { return Math.floor(this.options.now().getTime() / 1000); }

  #text(session: string, started: number, seen: number): string {
    const { kid, key } = this.options.keys.signing('cookie');
    const text = `${session}.${started.toString(36)}.${seen.toString(36)}.${kid}`;
    return `${text}.${new MacKey(key).mac(text)}`;
  }
}

/** A `Set-Cookie` value. @param secure the line, or the trusted proxy's line, is TLS */
export const setCookie = (text: string, secure: boolean): string =>
  `${secure ? SECURE_COOKIE_NAME : COOKIE_NAME}=${text}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
/** The `Set-Cookie` value that takes it away. */
export const clearCookie = (secure: boolean): string => `${setCookie('', secure)}; Max-Age=0`;

/** Every session cookie in a `Cookie` header, in order. Over TLS only the one that a browser guards by its name. */
export function sessionCookies(header: string | undefined, secure: boolean): string[] {
  if (header === undefined) return [];
  const begin = `${secure ? SECURE_COOKIE_NAME : COOKIE_NAME}=`;
  return header.split(';').map((pair) => pair.trim()).filter((pair) => pair.startsWith(begin)).map((pair) => pair.slice(begin.length));
}
