import { randomBytes } from 'node:crypto';
import { createAuthority, loadAuthority, type Authority, type KeyPair } from '#libs/identity/certificate/authority';
import { forged } from '#libs/identity/testing/forged-certificate';

const DAY = 86_400_000;
const at = (now: Date) => ({ now: () => now, random: randomBytes });

/** Client certificates that are not good, by what is wrong with them. `ca` is the house's own authority. */
export const BAD_CERTIFICATES: Record<string, { reason: string; pair: (ca: KeyPair, own: Authority) => Promise<Partial<KeyPair>> }> = {
  'no certificate': { reason: 'none', pair: async () => ({}) },
  'certificate of another CA with the same subject': { reason: 'other-authority', pair: async () => (await createAuthority(at(new Date()))).issueClient({ owner: 'owner-a', days: 1 }) },
  'self-signed': { reason: 'self-signed', pair: () => forged(null, 'owner-a') },
  'expired by 1 s': { reason: 'expired', pair: async (ca) => (await loadAuthority(ca, at(new Date(Date.now() - DAY - 1000)))).issueClient({ owner: 'owner-a', days: 1 }) },
  'valid from tomorrow': { reason: 'not-yet-valid', pair: async (ca) => (await loadAuthority(ca, at(new Date(Date.now() + DAY)))).issueClient({ owner: 'owner-a', days: 1 }) },
  'extendedKeyUsage=serverAuth only': { reason: 'not-a-client', pair: (_, own) => own.issueServer([]) },
  'leaf signed by a client certificate': {
    reason: 'signed-by-a-client',
    pair: async (_, own) => {
      const client = await own.issueClient({ owner: 'owner-a', days: 1 });
      const leaf = await forged(client, 'owner-b');
      return { ...leaf, certificate: `${leaf.certificate}\n${client.certificate}` };
    },
  },
  'unknown serial of our own CA': { reason: 'unknown', pair: (_, own) => own.issueClient({ owner: 'owner-a', days: 1 }) },
};
