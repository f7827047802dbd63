import { createPublicKey, webcrypto, type KeyObject } from 'node:crypto';
import { Pkcs10CertificateRequest, PemConverter } from '@peculiar/x509';
import { Refusal } from '#libs/event-sourcing/errors';

/** A request is about 1 kB, of the largest key that is taken. */
const MOST_BYTES = 16_384;
const ONE_BLOCK = /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END \1?CERTIFICATE REQUEST-----\s*$/;
const STRONG_HASHES = ['SHA-256', 'SHA-384', 'SHA-512'];
/** key type → whether a key of it is strong enough, and taken by every TLS library */
const STRONG_KEYS: Record<string, (details: NonNullable<KeyObject['asymmetricKeyDetails']>) => boolean> = {
  rsa: ({ modulusLength = 0 }) => modulusLength >= 2048 && modulusLength <= 4096,
  ec: ({ namedCurve }) => namedCurve === 'prime256v1' || namedCurve === 'secp384r1',
  ed25519: () => true,
};

/**
 * The public key of a certificate request (PKCS #10, PEM) of that owner, who may be called by several names, for `Authority.signClient`. Nothing else of the
 * request is used; one that asks for more than an owner gets is refused all the same, rather than quietly given less.
 * @throws Refusal payload_too_large · validation_failed
 */
export async function requestedKey(pem: string, ...owner: readonly string[]): Promise<KeyObject> {
  if (Buffer.byteLength(pem) > MOST_BYTES) throw new Refusal('payload_too_large', `A certificate request is at most ${MOST_BYTES} bytes.`);
  const no = (message: string): never => { throw new Refusal('validation_failed', undefined, [{ field: 'request', message }]); };
  if (!ONE_BLOCK.test(pem)) return no('must be one PEM block "CERTIFICATE REQUEST", and nothing beside it');
  const request = await readRequest(pem) ?? no('is not a certificate request that its own key has signed, with SHA-256 or stronger');

  const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), type: 'spki', format: 'der' });
  if (!STRONG_KEYS[key.asymmetricKeyType ?? '']?.(key.asymmetricKeyDetails ?? {})) return no('must be for a key of RSA 2048 to 4096, EC P-256 or P-384, or Ed25519');
  const names = request.subjectName.toJSON().flatMap((part) => Object.entries(part));
  if (names.some(([field, values]) => field !== 'CN' || values.length !== 1 || !owner.includes(values[0]!))) return no('must name nobody, or as CN the owner that it is for');
  if (request.extensions.length) return no('must ask for no extensions: the authority sets them itself');
  return key;
}

/** Null for what cannot be read, is weakly signed, or was not signed by the key that it is for (proof of possession). */
async function readRequest(pem: string): Promise<Pkcs10CertificateRequest | null> {
  try {
    const request = new Pkcs10CertificateRequest(PemConverter.decodeFirst(pem));
    const { name, hash } = request.signatureAlgorithm as { name: string; hash?: { name: string } };
    const isStrong = name === 'Ed25519' || STRONG_HASHES.includes(hash?.name ?? '');
    return isStrong && await request.verify(webcrypto as Crypto) ? request : null;
  } catch { return null; }
}
