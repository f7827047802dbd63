import type { StoredRow } from '#libs/event-sourcing/ports/read-models';
import type { ApiKeyState } from '#libs/identity/authenticate';
import type { ListedCredential } from '#projections/credential-list/credential-list.projection';
import type { CountedUses } from '#projections/key-use/key-use.projection';

const DAY_MS = 86_400_000;
/** A credential that ends so soon stands out. */
export const EXPIRING_MS = 30 * DAY_MS;

/** What stands between a key's id in the log and the one that is shown: ids say their kind. */
export const SHOWN_PREFIX = 'key_';
export const shownId = (id: string): string => SHOWN_PREFIX + id;
/** The id in the log; null for what is none. */
export const ownId = (shown: string): string | null => /^key_([0-9a-f]{32})$/.exec(shown)?.[1] ?? null;

export type Stage = 'active' | 'expiring' | 'expired' | 'revoked';
/** @param now milliseconds since 1970 */
export function stageOf(expiresAt: string | null, revokedAt: string | null, now: number): Stage {
  if (revokedAt !== null) return 'revoked';
  const left = expiresAt === null ? Infinity : Date.parse(expiresAt) - now;
  return left <= 0 ? 'expired' : left <= EXPIRING_MS ? 'expiring' : 'active';
}

interface Facts { owner: string; name: string; description: string | null; scopes: readonly string[]; prefix: string; issuedAt: string; expiresAt: string; revokedAt: string | null; reason: string | null }

/** One key, without what it was used for. */
export function keyAnswer(id: string, k: Facts, now: Date): Record<string, unknown> {
  const state = stageOf(k.expiresAt, k.revokedAt, now.getTime());
  return {
    id: shownId(id), name: k.name, description: k.description, scopes: k.scopes, prefix: k.prefix, owner: k.owner,
    expires_in_days: Math.round((Date.parse(k.expiresAt) - Date.parse(k.issuedAt)) / DAY_MS),
    active: state === 'active' || state === 'expiring', state, created_at: k.issuedAt, expires_at: k.expiresAt, revoked_at: k.revokedAt, revoked_because: k.reason,
  };
}
export const factsOf = ({ owner, name, description, scopes, prefix, issuedAt, expiresAt, revoked }: ApiKeyState): Facts =>
  ({ owner, name, description, scopes, prefix, issuedAt, expiresAt: expiresAt!, revokedAt: revoked?.at ?? null, reason: revoked?.reason ?? null });
export const factsOfRow = ({ row: { owner, issuedAt, expiresAt, revokedAt, reason, key } }: StoredRow<ListedCredential>): Facts =>
  ({ owner, ...key!, issuedAt, expiresAt: expiresAt!, revokedAt, reason });

/** What it was used for, in two numbers. */
export const useAnswer = (uses: CountedUses | undefined): Record<string, unknown> => ({ last_used_at: uses?.at ?? null, total_requests: uses?.total ?? 0 });
