import { LRUCache } from 'lru-cache';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import type { SigningKeys } from './signing-keys.js';

/**
 * Access and refresh tokens: JWTs (RFC 7519) under HMAC-SHA-256. Algorithm, type, issuer and audience are those written here,
 * and the key is the one that its id names in the log: nothing of how to check is taken from the token.
 */
const ALGORITHM = 'HS256';
const ISSUER = 'heliograph';
const KINDS = {
  access: { typ: 'at+jwt', audience: 'heliograph:api' },
  refresh: { typ: 'heliograph-refresh+jwt', audience: 'heliograph:refresh' },
} as const;
type Kind = keyof typeof KINDS;
/** Hosts' clocks may differ by so much, and no more. */
const TOLERANCE_S = 60;
/** Longer than any that is made here. */
const LONGEST = 2_048;
/** A token that is shown again is looked up, not checked again. */
const KEPT = 20_000;

export interface AccessClaims { user: string; session: string }
export interface RefreshClaims extends AccessClaims { n: number }
export interface TokenPair { access: string; refresh: string; /** seconds */ expiresIn: number }

export interface TokensOptions {
  keys: Pick<SigningKeys, 'key' | 'signing' | 'has'>;
  now(): Date;
  /** how long tokens count that are made now */
  lifetimes(): { accessMinutes: number; refreshDays: number };
}

interface Checked { claims: RefreshClaims; kid: string; /** seconds since 1970 */ from: number; to: number }

export class Tokens {
  readonly #checked = new LRUCache<string, Checked>({ max: KEPT });
  constructor(private readonly options: TokensOptions) {}

  /** @param session.n the number of the refresh token; @param session.expiresAt no token counts longer (UTC, ISO 8601) */
  async issue({ user, session, n, expiresAt }: RefreshClaims & { expiresAt: string }): Promise<TokenPair> {
    const { accessMinutes, refreshDays } = this.options.lifetimes();
    const now = Math.floor(this.options.now().getTime() / 1000);
    const last = Math.floor(Date.parse(expiresAt) / 1000);
    const expiresIn = Math.min(accessMinutes * 60, Math.max(0, last - now));
    const [access, refresh] = await Promise.all([
      this.#sign('access', { sid: session }, user, now, now + expiresIn),
      this.#sign('refresh', { sid: session, n }, user, now, Math.min(now + refreshDays * 86_400, last)),
    ]);
    return { access, refresh, expiresIn };
  }

  /** Who an access token names; null unless form, signature, kind and times are right. Says nothing of whether the session still counts. */
  async verifyAccess(text: string): Promise<AccessClaims | null> {
    const now = this.options.now();
    const known = this.#checked.get(text);
    if (known) return this.options.keys.has(known.kid) && counts(known, now) ? known.claims : null;
    const checked = await this.#check('access', text, now);
    if (checked) this.#checked.set(text, checked);
    return checked && checked.claims;
  }

  async verifyRefresh(text: string): Promise<RefreshClaims | null> {
    const checked = await this.#check('refresh', text, this.options.now());
    return checked && Number.isSafeInteger(checked.claims.n) && checked.claims.n >= 0 ? checked.claims : null;
  }

  #sign(kind: Kind, claims: Record<string, unknown>, user: string, from: number, to: number): Promise<string> {
    const { kid, key } = this.options.keys.signing(kind);
    return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid, typ: KINDS[kind].typ })
      .setIssuer(ISSUER).setAudience(KINDS[kind].audience).setSubject(user).setIssuedAt(from).setExpirationTime(to).sign(key);
  }

  async #check(kind: Kind, text: string, now: Date): Promise<Checked | null> {
    const kid = kidOf(text, KINDS[kind].typ);
    const key = kid === null ? null : this.options.keys.key(kid, kind);
    if (kid === null || key === null) return null;
    try {
      const { payload } = await jwtVerify(text, key, {
        algorithms: [ALGORITHM], typ: KINDS[kind].typ, issuer: ISSUER, audience: KINDS[kind].audience, requiredClaims: ['sub', 'sid', 'iat', 'exp'], clockTolerance: TOLERANCE_S, currentDate: now,
      });
      const { sub, sid, n, iat, exp } = payload;
      if (typeof sub !== 'string' || typeof sid !== 'string' || !Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) return null;
      const checked = { claims: { user: sub, session: sid, n: n as number }, kid, from: iat!, to: exp! };
      return counts(checked, now) ? checked : null;
    } catch {
      // why it is refused is nobody's business: the answer is the same
      return null;
    }
  }
}

const counts = ({ from, to }: Checked, now: Date): boolean => {
  const seconds = now.getTime() / 1000;
  return from - TOLERANCE_S <= seconds && seconds < to + TOLERANCE_S;
};

/** The key that a token says it was signed with; null unless its header is, field for field, one that is made here. */
function kidOf(text: string, typ: string): string | null {
  if (text.length > LONGEST || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return null;
  try {
    const header = JSON.parse(Buffer.from(text.slice(0, text.indexOf('.')), 'base64url').toString('utf8')) as Record<string, unknown>;
    const { alg, kid } = header;
    return Object.keys(header).sort().join() === 'alg,kid,typ' && alg === ALGORITHM && header['typ'] === typ && typeof kid === 'string' ? kid : null;
  } catch { return null; }
}
