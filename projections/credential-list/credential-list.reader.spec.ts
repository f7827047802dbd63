import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { credential } from '#libs/identity/credential/credential.decider';
import { credentialList, type ListedCredential } from './credential-list.projection.js';
import { countEnding, listCredentials } from './credential-list.reader.js';

const day = (n: number): string => new Date(Date.parse('2030-01-01T00:00:00.000Z') + n * 86_400_000).toISOString();
let engine: Embedded, dir: string;

/** Credential i of 30: three kinds in turn, two owners, each issued on day i and ending on day 100 + i; every fifth is revoked. */
const facts = Array.from({ length: 30 }, (_, i) => ({ id: `c${String(i).padStart(2, '0')}`, kind: (['api-token', 'api-key', 'client-certificate'] as const)[i % 3]!, owner: i % 2 ? 'o1' : 'o2', at: i, revoked: i % 5 === 0 }));
const ISSUED: Record<ListedCredential['kind'], (f: (typeof facts)[number]) => [string, object]> = {
  'api-token': (f) => ['ApiTokenIssued', { owner: f.owner, role: 'user', sha256: 'a'.repeat(64), issuedAt: day(f.at), expiresAt: day(100 + f.at), epoch: 0, session: null }],
  'api-key': (f) => ['ApiKeyIssued', { owner: f.owner, name: f.id, description: null, scopes: ['a:b'], prefix: 'hgk_0123456789a', mac: 'm', issuedAt: day(f.at), expiresAt: day(100 + f.at) }],
  'client-certificate': (f) => ['CertificateIssued', { owner: f.owner, role: 'user', fingerprint256: 'b'.repeat(64), issuedAt: day(f.at), expiresAt: day(100 + f.at) }],
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-credentials-'));
  engine = await openEmbedded({ dir });
  await engine.readModels.define({ name: collectionOf(credentialList), indexes: credentialList.indexes });
  const events = facts.flatMap((f) => [
    happened(credential, `credential-${f.id}`, 0, ...ISSUED[f.kind](f)),
    ...(f.revoked ? [happened(credential, `credential-${f.id}`, 1, 'CredentialRevoked', { reason: 'requested', revokedAt: day(50) })] : []),
  ]);
  await engine.readModels.apply(collectionOf(credentialList), [...projected(credentialList, events)].map(([id, row]) => ({ id, position: '0000000000000001', row })), '0000000000000001');
});
afterAll(async () => { await engine.close(); rmSync(dir, { recursive: true, force: true }); });

const KINDS = ['api-token', 'api-key', 'client-certificate'] as const;

describe('the reader of credential-list', () => {
  it.each(KINDS.flatMap((kind) => [[kind, undefined], [kind, 'o1']] as const))('lists %s, of owner %s, newest first, in pages', async (kind, owner) => {
    const found: string[] = [];
    for (let after: [string, string] | undefined; ;) {
      const page = await listCredentials(engine.readModels, { kind, ...(owner === undefined ? {} : { owner }) }, 3, after);
      found.push(...page.credentials.map((c) => c.id));
      if (!page.next) break;
      after = page.next;
    }
    expect(found).toEqual(facts.filter((f) => f.kind === kind && (owner === undefined || f.owner === owner)).map((f) => f.id).reverse());
  });
  it.each(KINDS)('counts %s that end between two moments, and not those that were revoked', async (kind) => {
    const ending = facts.filter((f) => f.kind === kind && !f.revoked && f.at >= 5 && f.at < 20).length;
    expect(await countEnding(engine.readModels, kind, day(105), day(120))).toBe(ending);
    expect(ending).toBeGreaterThan(0);
  });
});
