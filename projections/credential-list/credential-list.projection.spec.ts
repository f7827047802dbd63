import { describe, expect, it } from '@jest/globals';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { credential } from '#libs/identity/credential/credential.decider';
import { credentialList } from './credential-list.projection.js';

const at = (n: number): string => `2030-01-01T00:00:0${n}.000Z`;
const token = { owner: 'ops', role: 'admin', sha256: 'a'.repeat(64), issuedAt: at(0), expiresAt: null };
const certificate = { owner: 'shop', role: 'user', fingerprint256: 'b'.repeat(64), issuedAt: at(1), expiresAt: at(9) };

describe('credential-list', () => {
  it('has a row for each credential, without its hash', () => {
    const rows = projected(credentialList, [happened(credential, 'credential-t1', 0, 'ApiTokenIssued', token), happened(credential, 'credential-c1', 0, 'CertificateIssued', certificate)]);
    expect([...rows]).toEqual([
      ['t1', { kind: 'api-token', owner: 'ops', role: 'admin', issuedAt: at(0), expiresAt: null, revokedAt: null, reason: null }],
      ['c1', { kind: 'client-certificate', owner: 'shop', role: 'user', issuedAt: at(1), expiresAt: at(9), revokedAt: null, reason: null }],
    ]);
  });

  it('says when and why a credential was revoked', () => {
    const rows = projected(credentialList, [happened(credential, 'credential-t1', 0, 'ApiTokenIssued', token), happened(credential, 'credential-t1', 1, 'CredentialRevoked', { reason: 'compromised', revokedAt: at(5) })]);
    expect(rows.get('t1')).toEqual({ kind: 'api-token', owner: 'ops', role: 'admin', issuedAt: at(0), expiresAt: null, revokedAt: at(5), reason: 'compromised' });
  });

  it('does not invent a row for what was never issued', () => {
    expect(() => projected(credentialList, [happened(credential, 'credential-t1', 0, 'CredentialRevoked', { reason: 'requested', revokedAt: at(5) })])).toThrow('before it was issued');
  });
});
