import type { StoredRow } from '#libs/event-sourcing/ports/read-models';
import type { CredentialOf } from '#libs/identity/credential/credential.decider';
import type { ListedCredential } from '#projections/credential-list/credential-list.projection';
import { stageOf } from '../api-keys/api-key.answer.js';

export type CertificateState = CredentialOf['client-certificate'];
interface Facts { owner: string; role: string; issuedAt: string; expiresAt: string; revokedAt: string | null; reason: string | null }

export const certificateAnswer = (serial: string, { owner, role, issuedAt, expiresAt, revokedAt, reason }: Facts, now: Date): Record<string, unknown> => ({
  serial, owner, role, state: stageOf(expiresAt, revokedAt, now.getTime()), issued_at: issuedAt, expires_at: expiresAt, revoked_at: revokedAt, revoked_because: reason,
});
export const factsOf = ({ owner, role, issuedAt, expiresAt, revoked }: CertificateState): Facts =>
  ({ owner, role, issuedAt, expiresAt: expiresAt!, revokedAt: revoked?.at ?? null, reason: revoked?.reason ?? null });
export const factsOfRow = ({ row: { owner, role, issuedAt, expiresAt, revokedAt, reason } }: StoredRow<ListedCredential>): Facts =>
  ({ owner, role: role!, issuedAt, expiresAt: expiresAt!, revokedAt, reason });
