import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CERTIFICATE_REFUSALS } from '#libs/identity/authenticate';
import { createAuthority, loadAuthority, type KeyPair } from '#libs/identity/certificate/authority';
import { forged } from '#libs/identity/testing/forged-certificate';
import { ask, askOnce, connection, mtlsParty, type MtlsParty } from '#libs/identity/testing/mtls-party';

const DAY = 86_400_000;
let party: MtlsParty;
beforeAll(async () => { party = await mtlsParty(); });
afterAll(() => party.close());

/** Our authority at another hour: what it issued a day ago, what it will issue tomorrow. */
const authorityAt = (now: Date) => loadAuthority(party.authority, { now: () => now, random: randomBytes });

const WRONG: Record<string, { reason: keyof typeof CERTIFICATE_REFUSALS; pair: () => Promise<Partial<KeyPair>> }> = {
  'no certificate': { reason: 'none', pair: async () => ({}) },
  'certificate of another CA with the same subject': {
    reason: 'other-authority',
    pair: async () => (await createAuthority({ now: () => new Date(), random: randomBytes })).issueClient({ owner: 'owner-a', days: 1 }),
  },
  'the same with the other CA sent along': {
    reason: 'other-authority',
    pair: async () => {
      const other = await createAuthority({ now: () => new Date(), random: randomBytes });
      const client = await other.issueClient({ owner: 'owner-a', days: 1 });
      return { ...client, certificate: `${client.certificate}\n${other.certificate}` };
    },
  },
  'self-signed': { reason: 'self-signed', pair: () => forged(null, 'owner-a') },
  'the authority itself': { reason: 'self-signed', pair: async () => party.authority },
  'expired by 1 s': { reason: 'expired', pair: async () => (await authorityAt(new Date(Date.now() - DAY - 1000))).issueClient({ owner: 'owner-a', days: 1 }) },
  'valid from tomorrow': { reason: 'not-yet-valid', pair: async () => (await authorityAt(new Date(Date.now() + DAY))).issueClient({ owner: 'owner-a', days: 1 }) },
  'extendedKeyUsage=serverAuth only': { reason: 'not-a-client', pair: () => party.authority.issueServer([]) },
  'CA:TRUE, though our own authority signed it': { reason: 'not-a-client', pair: () => forged(party.authority, 'owner-a', { ca: true }) },
  'leaf signed by a client certificate': {
    reason: 'signed-by-a-client',
    pair: async () => {
      const client = await party.client();
      const leaf = await forged(client, 'owner-b');
      return { ...leaf, certificate: `${leaf.certificate}\n${client.certificate}` };
    },
  },
  'leaf signed by a client certificate that is not sent along': { reason: 'other-authority', pair: async () => forged(await party.client(), 'owner-b') },
  'serial that is not in the registry': { reason: 'unknown', pair: () => party.authority.issueClient({ owner: 'owner-a', days: 1 }) },
  'revoked': {
    reason: 'revoked',
    pair: async () => {
      const client = await party.client();
      party.revoke(client.serial);
      return client;
    },
  },
};

describe('the mutual-TLS listener', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it.each(Object.keys(WRONG))(`T12 %s is refused over ${version} with a 401 that says so`, async (name) => {
      const { reason, pair } = WRONG[name]!;
      const before = party.handled.length;
      const answer = await askOnce(party, await pair(), { minVersion: version, maxVersion: version });
      expect(answer).toMatchObject({ status: 401, code: 'invalid_certificate', reason, detail: CERTIFICATE_REFUSALS[reason] });
      expect(party.handled.length).toBe(before);
    });
  }
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('T12 another CA with the same subject, that does not name its key, is refused over %s, and nobody else is disturbed', async (version) => {
    const bystander = await connection(party, await party.client('bystander'));
    const before = party.handled.length;
    const pair = await forged(await createAuthority({ now: () => new Date(), random: randomBytes }), 'owner-a');
    // The signature fails inside the handshake; over 1.2 Node then drops the connection at its next read, before any request.
    const end = await askOnce(party, pair, { minVersion: version, maxVersion: version }).then((answer) => `${answer.status} ${String(answer.reason)}`, (error: Error) => error.message);
    expect(version === 'TLSv1.3' ? ['401 other-authority'] : ['401 other-authority', 'socket hang up']).toContain(end);
    expect(party.handled.length).toBe(before);
    expect((await ask(bystander)).principal?.owner).toBe('bystander');
    bystander.destroy();
  });
  it('T12 every reason has a sentence of its own', () => {
    expect(new Set(Object.values(CERTIFICATE_REFUSALS)).size).toBe(Object.keys(CERTIFICATE_REFUSALS).length);
  });
  it('T12 closes on plain HTTP bytes, and stays up', async () => {
    const heard = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(party.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
      socket.on('data', (bytes: Buffer) => { text += bytes.toString('latin1'); }).on('error', () => {}).on('close', () => resolve(text));
    });
    expect(heard).not.toContain('HTTP/1.1 200');
    expect((await askOnce(party, await party.client('after'))).principal?.owner).toBe('after');
  });
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('lets a good certificate in over %s', async (version) => {
    const client = await party.client('good');
    expect(await askOnce(party, client, { minVersion: version, maxVersion: version })).toMatchObject({
      status: 200, principal: { owner: 'good', role: 'user', credential: { kind: 'client-certificate', id: client.serial } },
    });
  });
});
