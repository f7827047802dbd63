import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import { ROLES, type Role } from '../principal.js';
import { REVOCATION_REASONS, type CredentialEvents, type RevocationReason } from './credential.events.js';
import { isOwner, OWNER_NAME_RULE } from './owner.js';
import { isScope, SCOPE_RULE, SCOPES_MOST } from './scope.js';

/** Everything that is known of a credential. */
export type CredentialState = CredentialOf[keyof CredentialOf];
export interface CredentialOf {
  'api-token': Shared & { kind: 'api-token'; role: Role; /** of its whole text, hexadecimal */ sha256: string; /** the count of its owner's `tokenEpoch` that it belongs to */ epoch: number; /** the sign-in with whose end it ends */ session: string | null };
  'client-certificate': Shared & { kind: 'client-certificate'; role: Role; /** of the certificate in DER, hexadecimal */ sha256: string };
  'api-key': Shared & { kind: 'api-key'; name: string; description: string | null; scopes: string[]; prefix: string; /** of its whole text, base64url */ mac: string };
}
interface Shared {
  owner: string;
  issuedAt: string;
  expiresAt: string | null;
  revoked: { at: string; reason: RevocationReason } | null;
}

/** Its text was made elsewhere, with randomness; the command carries the hash. `epoch`: its owner's `tokenEpoch`, 0 unless told. `session`: with whose end it ends; none unless told. `expiresAt`: UTC, ISO 8601. */
export class IssueApiToken extends StreamCommand<{ owner: string; role: Role; sha256: string; expiresAt: string | null; epoch?: number; session?: string | null }> {}
/** Its text was made elsewhere, with randomness; the command carries its HMAC. `days`: 1 to 365. */
export class IssueApiKey extends StreamCommand<{ owner: string; name: string; description: string | null; scopes: readonly string[]; prefix: string; mac: string; days: number }> {}
/** The certificate was signed elsewhere; the command's id is its serial. `expiresAt` is its last second (UTC, ISO 8601). */
export class IssueCertificate extends StreamCommand<{ owner: string; role: Role; fingerprint256: string; expiresAt: string }> {}
/** Ends a credential of any kind. */
export class RevokeCredential extends StreamCommand<{ reason: RevocationReason }> {}

/** The longest that an API key counts, in days. */
export const LONGEST_KEY_DAYS = 365;
/** Of an API key. */
export const NAME_MOST = 100;
export const DESCRIPTION_MOST = 500;
const DAY_MS = 86_400_000;
const ID = /^[0-9a-f]{32}$/;
const SESSION = /^ses_[0-9a-f]{32}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const MAC = /^[A-Za-z0-9_-]{43}$/;
const PREFIX = /^[!-~]{15}$/;

/** What a credential must be before it is issued, whichever of these it has: field → what is wrong with it, or null. */
const RULES: Record<string, (value: never, now: string) => string | null> = {
  id: (id: string) => ID.test(id) ? null : 'must be 32 hexadecimal digits, lower case',
  owner: (owner: string) => isOwner(owner) ? null : OWNER_NAME_RULE,
  role: (role: Role) => ROLES.includes(role) ? null : `must be one of ${ROLES.join(', ')}`,
  sha256: (sha256: string) => SHA256.test(sha256) ? null : 'must be 64 hexadecimal digits, lower case',
  fingerprint256: (sha256: string) => SHA256.test(sha256) ? null : 'must be 64 hexadecimal digits, lower case',
  epoch: (epoch: number) => Number.isSafeInteger(epoch) && epoch >= 0 ? null : 'must be a whole number from 0 on',
  session: (session: string | null) => session === null || SESSION.test(session) ? null : 'must be the id of a sign-in, ses_…',
  expiresAt: (expiresAt: string | null, now) => expiresAt === null || isFuture(expiresAt, now) ? null : 'must be a moment in the future, UTC, such as 2030-01-31T00:00:00.000Z',
  name: (name: string) => isLine(name, NAME_MOST) && name.trim() !== '' ? null : `must be a line of 1 to ${NAME_MOST} characters`,
  description: (text: string | null) => text === null || (typeof text === 'string' && [...text].length <= DESCRIPTION_MOST) ? null : `must be at most ${DESCRIPTION_MOST} characters`,
  scopes: (scopes: readonly string[]) =>
    scopes.length < 1 || scopes.length > SCOPES_MOST || new Set(scopes).size !== scopes.length ? `must be 1 to ${SCOPES_MOST} different ones`
      : scopes.every(isScope) ? null : `each ${SCOPE_RULE}`,
  prefix: (prefix: string) => PREFIX.test(prefix) ? null : 'must be the first 15 characters of its text',
  mac: (mac: string) => MAC.test(mac) ? null : 'must be an HMAC-SHA-256, base64url',
  days: (days: number) => Number.isInteger(days) && days >= 1 && days <= LONGEST_KEY_DAYS ? null : `must be a whole number from 1 to ${LONGEST_KEY_DAYS}`,
};
const isLine = (text: string, most: number): boolean => typeof text === 'string' && [...text].length <= most && !/\p{Cc}/u.test(text);

/** Moments compare as text only in this one form. */
const isFuture = (moment: string, now: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(moment) && !Number.isNaN(Date.parse(moment)) && moment > now;

/**
 * True where the very same credential is already there: the repeat of a command that succeeded.
 * @param same what of the state must be as the command says
 */
function alreadyIssued<K extends CredentialState['kind']>(state: CredentialState | null, kind: K, same: Readonly<Record<string, string>>, issue: object, id: string, now: string): boolean {
  if (state) {
    if (state.kind === kind && Object.entries(same).every(([field, value]) => state[field as keyof CredentialState] === value)) return true;
    throw new Refusal('conflict', 'There is already another credential with this id.');
  }
  const errors = Object.entries({ id, ...issue }).flatMap(([field, value]) => {
    const message = RULES[field]!(value as never, now);
    return message === null ? [] : [{ field, message }];
  });
  if (errors.length) throw new Refusal('validation_failed', undefined, errors);
  return false;
}

export const credential = decider<CredentialState | null, CredentialEvents>()({
  stream: 'credential',
  snapshotVersion: 3,
  versions: { ApiTokenIssued: 2 },
  upcasts: { ApiTokenIssued: [(data: Omit<CredentialEvents['ApiTokenIssued'], 'epoch' | 'session'>) => ({ ...data, epoch: 0, session: null })] },
  initial: null,
  commands: { IssueApiToken, IssueApiKey, IssueCertificate, RevokeCredential },
  decide: {
    IssueApiToken: (state, { owner, role, sha256, expiresAt, epoch = 0, session = null }, now, id) =>
      alreadyIssued(state, 'api-token', { owner, role, sha256 }, { owner, role, sha256, expiresAt, epoch, session }, id, now) ? []
        : [{ type: 'ApiTokenIssued', data: { owner, role, sha256, issuedAt: now, expiresAt, epoch, session } }],
    IssueApiKey: (state, { owner, name, description, scopes, prefix, mac, days }, now, id) =>
      alreadyIssued(state, 'api-key', { owner, mac }, { owner, name, description, scopes, prefix, mac, days }, id, now) ? []
        : [{ type: 'ApiKeyIssued', data: { owner, name, description, scopes: [...scopes], prefix, mac, issuedAt: now, expiresAt: new Date(Date.parse(now) + days * DAY_MS).toISOString() } }],
    IssueCertificate: (state, { owner, role, fingerprint256, expiresAt }, now, id) =>
      alreadyIssued(state, 'client-certificate', { owner, role, sha256: fingerprint256 }, { owner, role, fingerprint256, expiresAt }, id, now) ? []
        : [{ type: 'CertificateIssued', data: { owner, role, fingerprint256, issuedAt: now, expiresAt } }],
    RevokeCredential: (state, { reason }, now) => {
      if (!state) throw new Refusal('not_found');
      if (!REVOCATION_REASONS.includes(reason)) throw new Refusal('validation_failed', undefined, [{ field: 'reason', message: `must be one of ${REVOCATION_REASONS.join(', ')}` }]);
      return state.revoked ? [] : [{ type: 'CredentialRevoked', data: { reason, revokedAt: now } }];
    },
  },
  // Who may do what must stay readable for as long as the log: nothing here is sealed, nothing has a period.
  period: () => ({ category: 'kept', day: '' }),
  evolve: {
    ApiTokenIssued: (_, { owner, role, sha256, issuedAt, expiresAt, epoch, session }) =>
      ({ kind: 'api-token', owner, role, sha256, epoch, session, issuedAt, expiresAt, revoked: null }),
    ApiKeyIssued: (_, { owner, name, description, scopes, prefix, mac, issuedAt, expiresAt }) =>
      ({ kind: 'api-key', owner, name, description, scopes, prefix, mac, issuedAt, expiresAt, revoked: null }),
    CertificateIssued: (_, { owner, role, fingerprint256, issuedAt, expiresAt }) =>
      ({ kind: 'client-certificate', owner, role, sha256: fingerprint256, issuedAt, expiresAt, revoked: null }),
    CredentialRevoked: (state, { reason, revokedAt }) => state && { ...state, revoked: { at: revokedAt, reason } },
  },
  tags: (state) => {
    if (!state) throw new Error('a credential has an owner from its first event on');
    return { owner: state.owner };
  },
});
