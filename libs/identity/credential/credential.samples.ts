import type { CredentialEvents } from './credential.events.js';

type First = { version: 1; data: Omit<CredentialEvents['ApiTokenIssued'], 'epoch' | 'session'> };
type Samples = { [T in Exclude<keyof CredentialEvents, 'ApiTokenIssued'>]: { version: 1; data: CredentialEvents[T] } } & { ApiTokenIssued: [First, { version: 2; data: CredentialEvents['ApiTokenIssued'] }] };

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const credentialSamples: Samples = {
  ApiTokenIssued: [
    {
      version: 1,
      data: {
        owner: 'billing', role: 'user', sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        issuedAt: '2030-01-01T00:00:00.000Z', expiresAt: null,
      },
    },
    {
      version: 2,
      data: {
        owner: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', role: 'operator', sha256: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
        issuedAt: '2030-01-01T00:00:00.000Z', expiresAt: '2031-01-01T00:00:00.000Z', epoch: 3, session: 'ses_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f',
      },
    },
  ],
  ApiKeyIssued: {
    version: 1,
    data: {
      owner: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', name: 'CI/CD Pipeline', description: 'Automated deployments', scopes: ['inventory:read', 'inventory:write'],
      prefix: 'hgk_0123456789a', mac: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg', issuedAt: '2030-01-01T00:00:00.000Z', expiresAt: '2030-04-01T00:00:00.000Z',
    },
  },
  CertificateIssued: {
    version: 1,
    data: {
      owner: 'billing', role: 'operator', fingerprint256: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
      issuedAt: '2030-01-01T00:00:00.000Z', expiresAt: '2031-02-03T00:00:00.000Z',
    },
  },
  CredentialRevoked: { version: 1, data: { reason: 'compromised', revokedAt: '2030-06-01T12:00:00.000Z' } },
};
