import { projection } from '#libs/event-sourcing/projection';
import type { CredentialEvents, RevocationReason } from '#libs/identity/credential/credential.events';

/** One row per credential, by its id: what administrators and owners look through. The hash stays in the log: a list has no use for it. */
export type ListedCredential = {
  kind: 'api-token' | 'api-key' | 'client-certificate';
  owner: string;
  /** what it may do at most; null: an API key, which has scopes */
  role: string | null;
  issuedAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  reason: RevocationReason | null;
  /** of an API key alone; null elsewhere */
  key: { name: string; description: string | null; scopes: string[]; prefix: string } | null;
};

export const credentialList = projection<CredentialEvents, ListedCredential>({
  name: 'credential-list',
  version: 2,
  follows: ['credential'],
  indexes: { byKind: ['kind', 'issuedAt'], byOwner: ['owner', 'kind', 'issuedAt'], byEnd: ['kind', 'revokedAt', 'expiresAt'] },
  keys: (event) => [event.stream.slice('credential-'.length)],
  fold(row, event) {
    switch (event.type) {
      case 'ApiTokenIssued': return issued('api-token', event.data);
      case 'CertificateIssued': return issued('client-certificate', event.data);
      case 'ApiKeyIssued': {
        const { name, description, scopes, prefix } = event.data;
        return { ...issued('api-key', { ...event.data, role: null }), key: { name, description, scopes, prefix } };
      }
      case 'CredentialRevoked':
        if (!row) throw new Error('CredentialRevoked before it was issued');
        return { ...row, revokedAt: event.data.revokedAt, reason: event.data.reason };
    }
  },
});

const issued = (kind: ListedCredential['kind'], { owner, role, issuedAt, expiresAt }: Pick<ListedCredential, 'owner' | 'role' | 'issuedAt' | 'expiresAt'>): ListedCredential =>
  ({ kind, owner, role, issuedAt, expiresAt, revokedAt: null, reason: null, key: null });
