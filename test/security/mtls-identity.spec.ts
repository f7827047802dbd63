import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authenticate } from '#libs/identity/authenticate';
import { knownTo } from '#libs/identity/testing/known';
import { IssueApiToken, IssueCertificate } from '#libs/identity/credential/credential.decider';
import { forged } from '#libs/identity/testing/forged-certificate';
import { askOnce, mtlsParty, type MtlsParty } from '#libs/identity/testing/mtls-party';

let party: MtlsParty;
beforeAll(async () => { party = await mtlsParty(); });
afterAll(() => party.close());

const register = (owner: string, issued: { serial: string; fingerprint256: string; notAfter: string }) =>
  party.registry.execute(new IssueCertificate(issued.serial, { owner, role: 'user', fingerprint256: issued.fingerprint256, expiresAt: issued.notAfter }, party.registry.context));

const CLAIMS: Record<string, string> = {
  'x-client-cert': 'owner-b', 'x-ssl-client-cert': 'owner-b', 'x-ssl-client-s-dn': 'CN=owner-b', 'x-ssl-client-verify': 'SUCCESS',
  'x-ssl-client-serial': '0'.repeat(32), 'x-forwarded-client-cert': 'Subject="CN=owner-b"', 'x-forwarded-user': 'owner-b', 'x-remote-user': 'owner-b',
};

describe('who a client certificate is', () => {
  it.each(Object.keys(CLAIMS))('T15 not what the header %s says', async (header) => {
    const client = await party.client('owner-a');
    expect((await askOnce(party, client, {}, { [header]: CLAIMS[header]! })).principal?.owner).toBe('owner-a');
    expect(await askOnce(party, {}, {}, { [header]: CLAIMS[header]! })).toMatchObject({ status: 401, reason: 'none' });
  });

  it.each(['owner-b', 'owner-b\u0000.example.com', 'owner-b,O=x', 'owner-b\n', '', '__proto__'])('T15 not what its subject says: %j', async (commonName) => {
    const issued = await forged(party.authority, commonName, { dns: ['owner-b'] });
    register('owner-a', issued);
    expect(await askOnce(party, issued)).toMatchObject({ status: 200, principal: { owner: 'owner-a', credential: { id: issued.serial } } });
  });

  it('T15 not a serial alone: another certificate of our own authority under a registered serial is unknown', async () => {
    const wrong = await party.authority.issueClient({ owner: 'owner-a', days: 1 });
    register('owner-a', { ...wrong, fingerprint256: 'f'.repeat(64) });
    expect(await askOnce(party, wrong)).toMatchObject({ status: 401, reason: 'unknown' });
  });

  it('T15 not a serial under which a token was issued', async () => {
    const issued = await party.authority.issueClient({ owner: 'owner-a', days: 1 });
    party.registry.execute(new IssueApiToken(issued.serial, { owner: 'owner-b', role: 'admin', sha256: issued.fingerprint256, expiresAt: null }, party.registry.context));
    expect(await askOnce(party, issued)).toMatchObject({ status: 401, reason: 'unknown' });
  });

  it('T15 on the plain port no header makes a principal', async () => {
    const codes: unknown[] = [];
    const plain = createServer((asked, answer) => {
      authenticate({ authorization: asked.headersDistinct['authorization'] ?? [], apiKeys: [], cookies: [], socket: asked.socket }, knownTo(), Date.now())
        .then((principal) => codes.push(principal), (error: { code: string }) => codes.push(error.code)).finally(() => answer.end());
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    for (const [header, value] of Object.entries(CLAIMS)) await fetch(`http://127.0.0.1:${(plain.address() as AddressInfo).port}/`, { headers: { [header]: value } });
    plain.closeAllConnections();
    await new Promise((resolve) => plain.close(resolve));
    expect(codes).toEqual(Object.keys(CLAIMS).map(() => 'unauthenticated'));
  });

  it('takes one credential, not two', async () => {
    expect(await askOnce(party, await party.client('owner-a'), {}, { authorization: 'Bearer x' })).toMatchObject({ status: 400, code: 'two_credentials' });
  });
  it('takes no token instead of a certificate', async () => {
    expect(await askOnce(party, {}, {}, { authorization: 'Bearer x' })).toMatchObject({ status: 401, reason: 'none' });
  });
});
