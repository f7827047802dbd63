import { describe, expect, it } from '@jest/globals';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { credential } from '#libs/identity/credential/credential.decider';
import { credentialList } from './credential-list.projection.js';

const at = (n: number): string => `2030-01-01T00:00:0${n}.000Z`;
const token = { owner: 'ops', role: 'admin', sha256: 'a'.repeat(64), issuedAt: at(0), expiresAt: null, epoch: 0 };
const certificate = { owner: 'shop', role: 'user', fingerprint256: 'b'.repeat(64), issuedAt: at(1), expiresAt: at(9) };

describe('credential-list', () => {
  it('has a row for each credential, without its hash', () => {
    const rows = projected(credentialList, [happened(credential, 'credential-t1', 0, 'ApiTokenIssued', token), happened(credential, 'credential-c1', 0, 'CertificateIssued', certificate)]);
    expect([...rows]).toEqual([
      ['t1', { kind: 'api-token', owner: 'ops', role: 'admin', issuedAt: at(0), expiresAt: null, revokedAt: null, reason: null, key: null }],
      ['c1', { kind: 'client-certificate', owner: 'shop', role: 'user', issuedAt: at(1), expiresAt: at(9), revokedAt: null, reason: null, key: null }],
    ]);
  });

  it('shows what an API key is called and may do', () => {
    const key = { owner: 'usr_1', name: 'CI', description: null, scopes: ['messages:send'], prefix: 'hgk_0123456789a', mac: 'c'.repeat(43), issuedAt: at(2), expiresAt: at(9) };
    const rows = projected(credentialList, [happened(credential, 'credential-k1', 0, 'ApiKeyIssued', key)]);
    expect(rows.get('k1')).toEqual({
      kind: 'api-key', owner: 'usr_1', role: null, issuedAt: at(2), expiresAt: at(9), revokedAt: null, reason: null,
      key: { name: 'CI', description: null, scopes: ['messages:send'], prefix: 'hgk_0123456789a' },
    });
  });

  it('says when and why a credential was revoked', () => {
    const rows = projected(credentialList, [happened(credential, 'credential-t1', 0, 'ApiTokenIssued', token), happened(credential, 'credential-t1', 1, 'CredentialRevoked', { reason: 'compromised', revokedAt: at(5) })]);
    expect(rows.get('t1')).toEqual({ kind: 'api-token', owner: 'ops', role: 'admin', issuedAt: at(0), expiresAt: null, revokedAt: at(5), reason: 'compromised', key: null });
  });

  it('does not invent a row for what was never issued', () => {
    expect(() => projected(credentialList, [happened(credential, 'credential-t1', 0, 'CredentialRevoked', { reason: 'requested', revokedAt: at(5) })])).toThrow('before it was issued');
  });
});
