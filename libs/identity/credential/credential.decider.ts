import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import { ROLES, type Role } from '../principal.js';
import { REVOCATION_REASONS, type CredentialEvents, type RevocationReason } from './credential.events.js';

/** Everything that is known of a credential; what only one kind of it needs is named by `kind`. */
export interface CredentialState {
  kind: 'api-token' | 'client-certificate';
  owner: string;
  role: Role;
  /** what the presented credential must match: SHA-256 of a token's text, or of a certificate in DER; hexadecimal */
  sha256: string;
  issuedAt: string;
  expiresAt: string | null;
  revoked: { at: string; reason: RevocationReason } | null;
}

/** Its text was made elsewhere, with randomness; the command carries the hash. `expiresAt`: UTC, ISO 8601. */
export class IssueApiToken extends StreamCommand<{ owner: string; role: Role; sha256: string; expiresAt: string | null }> {}
/** The certificate was signed elsewhere; the command's id is its serial. `expiresAt` is its last second (UTC, ISO 8601). */
export class IssueCertificate extends StreamCommand<{ owner: string; role: Role; fingerprint256: string; expiresAt: string }> {}
/** Ends a credential of any kind. */
export class RevokeCredential extends StreamCommand<{ reason: RevocationReason }> {}

/** What an owner may be called until accounts bring names of their own. */
export const OWNER_NAME = /^(?![a-z]{2,5}_)[a-z0-9][a-z0-9._-]{0,62}$/;
export const OWNER_NAME_RULE = 'must be 1 to 63 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit, and not like an id (usr_…)';
const ID = /^[0-9a-f]{32}$/;
const SHA256 = /^[0-9a-f]{64}$/;

interface Issue { owner: string; role: Role; sha256: string; expiresAt: string | null }

/** What a credential of any kind must be before it is issued: field → what is wrong with it, or null. */
const RULES: Record<string, (issue: Issue, id: string, now: string) => string | null> = {
  id: (_, id) => ID.test(id) ? null : 'must be 32 hexadecimal digits, lower case',
  owner: ({ owner }) => OWNER_NAME.test(owner) ? null : OWNER_NAME_RULE,
  role: ({ role }) => ROLES.includes(role) ? null : `must be one of ${ROLES.join(', ')}`,
  sha256: ({ sha256 }) => SHA256.test(sha256) ? null : 'must be 64 hexadecimal digits, lower case',
  expiresAt: ({ expiresAt }, _, now) => expiresAt === null || isFuture(expiresAt, now) ? null : 'must be a moment in the future, UTC, such as 2030-01-31T00:00:00.000Z',
};

/** Moments compare as text only in this one form. */
const isFuture = (moment: string, now: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(moment) && !Number.isNaN(Date.parse(moment)) && moment > now;

/** True where the very same credential is already there: the repeat of a command that succeeded. */
function alreadyIssued(state: CredentialState | null, kind: CredentialState['kind'], issue: Issue, id: string, now: string): boolean {
  if (state) {
    if (state.kind === kind && state.owner === issue.owner && state.role === issue.role && state.sha256 === issue.sha256) return true;
    throw new Refusal('conflict', 'There is already another credential with this id.');
  }
  const errors = Object.entries(RULES).flatMap(([field, rule]) => {
    const message = rule(issue, id, now);
    return message === null ? [] : [{ field, message }];
  });
  if (errors.length) throw new Refusal('validation_failed', undefined, errors);
  return false;
}

export const credential = decider<CredentialState | null, CredentialEvents>()({
  stream: 'credential',
  snapshotVersion: 1,
  initial: null,
  commands: { IssueApiToken, IssueCertificate, RevokeCredential },
  decide: {
    IssueApiToken: (state, { owner, role, sha256, expiresAt }, now, id) =>
      alreadyIssued(state, 'api-token', { owner, role, sha256, expiresAt }, id, now) ? []
        : [{ type: 'ApiTokenIssued', data: { owner, role, sha256, issuedAt: now, expiresAt } }],
    IssueCertificate: (state, { owner, role, fingerprint256, expiresAt }, now, id) =>
      alreadyIssued(state, 'client-certificate', { owner, role, sha256: fingerprint256, expiresAt }, id, now) ? []
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
    ApiTokenIssued: (_, { owner, role, sha256, issuedAt, expiresAt }) =>
      ({ kind: 'api-token', owner, role, sha256, issuedAt, expiresAt, revoked: null }),
    CertificateIssued: (_, { owner, role, fingerprint256, issuedAt, expiresAt }) =>
      ({ kind: 'client-certificate', owner, role, sha256: fingerprint256, issuedAt, expiresAt, revoked: null }),
    CredentialRevoked: (state, { reason, revokedAt }) => state && { ...state, revoked: { at: revokedAt, reason } },
  },
  tags: (state) => {
    if (!state) throw new Error('a credential has an owner from its first event on');
    return { owner: state.owner };
  },
});
