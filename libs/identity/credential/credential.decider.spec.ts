import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CommandContext } from '#libs/event-sourcing/decider';
import type { EventOf } from '#libs/event-sourcing/event';
import { given, stateAfter } from '#libs/event-sourcing/testing/given';
import { ROLES } from '../principal.js';
import { credential, IssueApiKey, IssueApiToken, IssueCertificate, RevokeCredential } from './credential.decider.js';
import { REVOCATION_REASONS, type CredentialEvents } from './credential.events.js';

type CredentialEvent = EventOf<CredentialEvents, 'plain'>;
const ID = 'a'.repeat(32);
const NOW = '2030-01-01T00:00:00.000Z';
const LATER = '2030-02-01T00:00:00.000Z';
const context: CommandContext = { principal: 'local:test', correlationId: 'c', causationId: 'c' };
const token = { owner: 'billing', role: 'user' as const, sha256: 'b'.repeat(64), expiresAt: null };
const certificate = { owner: 'billing', role: 'admin' as const, fingerprint256: 'c'.repeat(64), expiresAt: LATER };
const tokenIssued: CredentialEvent = { type: 'ApiTokenIssued', data: { ...token, issuedAt: NOW, epoch: 0, session: null } };
const certificateIssued: CredentialEvent = { type: 'CertificateIssued', data: { ...certificate, issuedAt: NOW } };
const revoked: CredentialEvent = { type: 'CredentialRevoked', data: { reason: 'compromised', revokedAt: LATER } };

const key = { owner: 'billing', name: 'CI', description: null, scopes: ['messages:send', 'tickets:*'], prefix: 'hgk_0123456789a', mac: 'd'.repeat(43) };
const keyIssued: CredentialEvent = { type: 'ApiKeyIssued', data: { ...key, issuedAt: NOW, expiresAt: '2030-01-31T00:00:00.000Z' } };
const issueKey = (change: object = {}, id = ID) => new IssueApiKey(id, { ...key, days: 30, ...change }, context);

const issueToken = (change: Partial<typeof token> | { role?: string; expiresAt?: string } = {}, id = ID) => new IssueApiToken(id, { ...token, ...change } as typeof token, context);
const issueCertificate = (change: Partial<typeof certificate> = {}, id = ID) => new IssueCertificate(id, { ...certificate, ...change }, context);
const revoke = (reason = 'compromised') => new RevokeCredential(ID, { reason } as { reason: 'compromised' }, context);

describe('a credential', () => {
  it('is issued once, as a token', () => given(credential).when(issueToken(), NOW).then(tokenIssued));
  it('is issued once, as a certificate', () => given(credential).when(issueCertificate(), NOW).then(certificateIssued));
  it('is issued once, as a key, for so many days', () => {
    given(credential).when(issueKey(), NOW).then(keyIssued);
    given(credential, keyIssued).when(issueKey(), LATER).thenNothing();
    given(credential, keyIssued).when(issueKey({ mac: 'e'.repeat(43) }), LATER).thenRefused('conflict');
    given(credential, keyIssued).when(revoke(), LATER).then(revoked);
  });
  it.each([0, 366, -1, 1.5, '90', NaN, Infinity, null])('T71 has no key for %p days', (days) => given(credential).when(issueKey({ days }), NOW).thenRefused('validation_failed'));
  it.each([1, 365])('T71 has a key for %p days', (days) =>
    given(credential).when(issueKey({ days }), NOW).then({ type: 'ApiKeyIssued', data: { ...key, issuedAt: NOW, expiresAt: new Date(Date.parse(NOW) + days * 86_400_000).toISOString() } }));
  it.each(['*', '*:*', 'tickets:**', ':read', 'TICKETS:READ', 'tickets:read\u0000', 'tickets', 'tickets:', 'tickets:read:x', ' tickets:read', 'tickets:r*', 'тickets:read', '', `${'a'.repeat(33)}:read`])('T70 has no scope %j', (scope) =>
    given(credential).when(issueKey({ scopes: [scope] }), NOW).thenRefused('validation_failed'));
  it('has no key without scopes, with one twice, with too many, or called like nothing', () => {
    for (const scopes of [[], ['a:b', 'a:b'], Array.from({ length: 51 }, (_, i) => `a:b${i}`)]) given(credential).when(issueKey({ scopes }), NOW).thenRefused('validation_failed');
    for (const name of ['', ' ', 'x'.repeat(101), 'a\nb', 'a\u0000']) given(credential).when(issueKey({ name }), NOW).thenRefused('validation_failed');
    given(credential).when(issueKey({ description: 'x'.repeat(501) }), NOW).thenRefused('validation_failed');
    given(credential).when(issueKey({ prefix: 'hgk_' }), NOW).thenRefused('validation_failed');
    given(credential).when(issueKey({ mac: 'short' }), NOW).thenRefused('validation_failed');
  });
  it('may end with a sign-in; one of the first version stands for itself', () => {
    const session = `ses_${'0'.repeat(32)}`;
    given(credential).when(new IssueApiToken(ID, { ...token, session }, context), NOW).then({ type: 'ApiTokenIssued', data: { ...token, issuedAt: NOW, epoch: 0, session } });
    given(credential).when(new IssueApiToken(ID, { ...token, session: 'somebody' }, context), NOW).thenRefused('validation_failed');
    expect(credential.upcasts!['ApiTokenIssued']![0]!({ ...token, issuedAt: NOW } as never)).toEqual({ ...token, issuedAt: NOW, epoch: 0, session: null });
  });
  it('may have an end of its own', () => given(credential).when(issueToken({ expiresAt: LATER }), NOW)
    .then({ type: 'ApiTokenIssued', data: { ...token, issuedAt: NOW, expiresAt: LATER, epoch: 0, session: null } }));
  it('is not issued again by a repeat', () => {
    given(credential, tokenIssued).when(issueToken(), LATER).thenNothing();
    given(credential, certificateIssued).when(issueCertificate(), LATER).thenNothing();
  });
  it('never gives its id to another', () => {
    given(credential, tokenIssued).when(issueToken({ owner: 'sales' }), NOW).thenRefused('conflict');
    given(credential, tokenIssued).when(issueToken({ sha256: 'd'.repeat(64) }), NOW).thenRefused('conflict');
    given(credential, tokenIssued).when(issueCertificate({ fingerprint256: token.sha256 }), NOW).thenRefused('conflict');
  });
  it('is revoked once, whatever its kind', () => {
    given(credential, tokenIssued).when(revoke(), LATER).then(revoked);
    given(credential, certificateIssued).when(revoke(), LATER).then(revoked);
    given(credential, tokenIssued, revoked).when(revoke(), LATER).thenNothing();
  });
  it('is not there to be revoked before it is issued', () => given(credential).when(revoke(), NOW).thenRefused('not_found'));
  it('is revoked only for a known reason', () => given(credential, tokenIssued).when(revoke('because'), NOW).thenRefused('validation_failed'));
  it('stays revoked when it is issued again', () => {
    given(credential, tokenIssued, revoked).when(issueToken(), LATER).thenNothing();
    given(credential, tokenIssued, revoked).when(issueToken({ owner: 'sales' }), LATER).thenRefused('conflict');
  });

  it.each(['', 'Billing', '-a', '.', '..', '__proto__', 'a b', 'a/b', 'аdmin', 'admin\u200b', 'admin\n', 'usr_1', 'local', 'system', `usr_${'A'.repeat(32)}`, 'msg_x', 'a'.repeat(64)])('has no owner called %j', (owner) =>
    given(credential).when(issueToken({ owner }), NOW).thenRefused('validation_failed'));
  it.each(['a', '0', 'local2', 'a'.repeat(63), 'ops.team-1_x', `usr_${'0'.repeat(32)}`])('may belong to %j', (owner) =>
    given(credential).when(issueToken({ owner }), NOW).then({ type: 'ApiTokenIssued', data: { ...token, owner, issuedAt: NOW, epoch: 0, session: null } }));
  it('has no role, hash, end or id of another form', () => {
    given(credential).when(issueToken({ role: 'root' }), NOW).thenRefused('validation_failed');
    given(credential).when(issueToken({ sha256: 'B'.repeat(64) }), NOW).thenRefused('validation_failed');
    for (const expiresAt of [NOW, '2030-13-01T00:00:00.000Z', '2031-01-01', 'tomorrow']) given(credential).when(issueToken({ expiresAt }), NOW).thenRefused('validation_failed');
    for (const id of ['', 'A'.repeat(32), `${ID}a`, `${ID}\n`]) given(credential).when(issueToken({}, id), NOW).thenRefused('validation_failed');
  });

  it('holds in any order of commands: one issue first, at most one revocation after it, and a repeat adds nothing', () => {
    const command = fc.oneof(
      fc.record({ owner: fc.constantFrom('billing', 'sales'), role: fc.constantFrom(...ROLES) }).map((c) => issueToken(c)),
      fc.record({ owner: fc.constantFrom('billing', 'sales') }).map((c) => issueCertificate(c)),
      fc.record({ mac: fc.constantFrom('d'.repeat(43), 'e'.repeat(43)) }).map((c) => issueKey(c)),
      fc.constantFrom(...REVOCATION_REASONS).map((reason) => revoke(reason)),
    );
    const decide = (past: CredentialEvent[], c: IssueApiToken | IssueApiKey | IssueCertificate | RevokeCredential): CredentialEvent[] => {
      const decisions = credential.decide as Record<string, (state: unknown, data: unknown, now: string, id: string) => CredentialEvent[]>;
      try { return decisions[c.constructor.name]!(stateAfter(credential, past, ID), c.data, NOW, ID); } catch (error) { expect(error).toHaveProperty('code'); return []; }
    };
    fc.assert(fc.property(fc.array(command, { maxLength: 12 }), (commands) => {
      const past: CredentialEvent[] = [];
      for (const c of commands) {
        past.push(...decide(past, c));
        expect(decide(past, c)).toEqual([]);
      }
      expect(past.slice(1).map((e) => e.type)).toEqual(past.length > 1 ? ['CredentialRevoked'] : []);
      if (past.length) {
        expect(past[0]!.type).not.toBe('CredentialRevoked');
        const state = stateAfter(credential, past, ID);
        expect(credential.tags(state)).toEqual({ owner: state!.owner });
      }
    }));
  });
});
