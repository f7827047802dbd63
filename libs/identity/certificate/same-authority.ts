import { createHash, X509Certificate } from 'node:crypto';
import type { Keys } from '#libs/event-sourcing/ports/keys';

/**
 * Whether the hosts of a house have one certificate authority: the first one's key is kept beside the keys.
 * @param certificate of this host's authority, PEM
 * @returns what is wrong, in a sentence; null: it is the same
 */
export async function otherAuthority(keys: Pick<Keys, 'constant'>, certificate: string): Promise<string | null> {
  // of its key, not of the certificate: that may be made anew
  const here = createHash('sha256').update(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })).digest();
  const kept = Buffer.from(await keys.constant('authority', here));
  return kept.equals(here) ? null
    : `The certificate authority in SECRETS_DIR (${here.toString('hex', 0, 8)}…) is not the one that this house began with (${kept.toString('hex', 0, 8)}…): certificates of one host are refused at the other. Copy the authority's files of the first host to SECRETS_DIR here.`;
}
