import { createHash, createPrivateKey, createPublicKey, webcrypto, X509Certificate as ParsedCertificate, type KeyObject } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension, BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension,
  PemConverter, SubjectAlternativeNameExtension, SubjectKeyIdentifierExtension, X509Certificate, X509CertificateGenerator, type Extension,
} from '@peculiar/x509';
import { Refusal } from '#libs/event-sourcing/errors';
import { isOwner, OWNER_NAME_RULE } from '../credential/owner.js';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair { certificate: string; privateKey: string }

export interface IssuedCertificate {
  /** PEM */
  certificate: string;
  /** hexadecimal, lower case: 128 bits, of which 126 are random */
  serial: string;
  /** SHA-256 of the certificate in DER; hexadecimal, lower case */
  fingerprint256: string;
  /** the last second (UTC, ISO 8601) */
  notAfter: string;
}
/** With the private key that was made for it. */
export interface IssuedKeyPair extends IssuedCertificate, KeyPair {}

export interface Sources {
  now: () => Date;
  /** so many bytes from a cryptographic source */
  random: (bytes: number) => Buffer;
}

/**
 * Our own certificate authority. It signs what it is asked for by name only: of a request it takes the public key and
 * nothing else; subject, extensions, serial and days are its own.
 */
export interface Authority extends KeyPair {
  /** For this server: localhost, 127.0.0.1, ::1 and the given host names or addresses; for `privateKey` (PEM), or a new one. */
  issueServer(names: readonly string[], privateKey?: string): Promise<IssuedKeyPair>;
  /** For an owner, with a new key; `days` 1 to 398. @throws Refusal validation_failed */
  issueClient(wanted: ClientWanted): Promise<IssuedKeyPair>;
  /** For an owner who made the key himself and sent the public half (see certificate-request.ts). @throws Refusal validation_failed */
  signClient(wanted: ClientWanted, publicKey: KeyObject): Promise<IssuedCertificate>;
}
export interface ClientWanted { owner: string; days: number }

/** The longest that a client certificate is valid, in days. */
export const LONGEST_DAYS = 398;
const SERVER_DAYS = 398;
const AUTHORITY_YEARS = 10;
const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Valid a little before now, for those whose clock is slow. */
const SLOW_CLOCKS_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

/** A new authority; for `privateKey` (PEM), where that was written and its certificate was not. */
export async function createAuthority(sources: Sources, privateKey?: string): Promise<Authority> {
  const keys = await keysOf(privateKey);
  const notBefore = new Date(sources.now().getTime() - SLOW_CLOCKS_MS);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + AUTHORITY_YEARS);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialFrom(sources.random), name: [{ CN: ['Heliograph CA'] }], notBefore, notAfter, keys, signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto as Crypto),
    ],
  }, webcrypto as Crypto);
  return loadAuthority({ certificate: certificate.toString('pem'), privateKey: await pemOf(keys) }, sources);
}

/** @throws when the two do not belong together, or the certificate is not an authority's. */
export async function loadAuthority(pair: KeyPair, sources: Sources): Promise<Authority> {
  const authority = new ParsedCertificate(pair.certificate);
  if (!authority.ca) throw new Error('the certificate of the authority is not one (CA:TRUE is missing)');
  const { privateKey: signingKey, publicKey: ownKey } = await keysOf(pair.privateKey);
  if (!authority.checkPrivateKey(createPrivateKey(pair.privateKey))) throw new Error('the private key of the authority does not belong to its certificate');

  const issuer = new X509Certificate(pair.certificate).subjectName;

  const sign = async (subject: string, publicKey: CryptoKey, days: number, extensions: Extension[]): Promise<IssuedCertificate> => {
    const at = sources.now().getTime();
    const serial = serialFrom(sources.random);
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serial, subject: [{ CN: [subject] }], issuer,
      // Never longer than the authority itself.
      notBefore: new Date(at - SLOW_CLOCKS_MS), notAfter: new Date(Math.min(at + days * DAY_MS, authority.validToDate.getTime())),
      publicKey, signingKey, signingAlgorithm: EC,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto as Crypto),
        await AuthorityKeyIdentifierExtension.create(ownKey, false, webcrypto as Crypto),
        ...extensions,
      ],
    }, webcrypto as Crypto);
    // Times in a certificate are whole seconds: what is told is what stands in it.
    return { certificate: certificate.toString('pem'), serial, fingerprint256: sha256(certificate.rawData), notAfter: certificate.notAfter.toISOString() };
  };
  const signClient = async ({ owner, days }: ClientWanted, publicKey: CryptoKey): Promise<IssuedCertificate> => {
    const errors = [
      ...isOwner(owner) ? [] : [{ field: 'owner', message: OWNER_NAME_RULE }],
      ...Number.isInteger(days) && days >= 1 && days <= LONGEST_DAYS ? [] : [{ field: 'days', message: `must be a whole number from 1 to ${LONGEST_DAYS}` }],
    ];
    if (errors.length) throw new Refusal('validation_failed', undefined, errors);
    return sign(owner, publicKey, days, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);
  };

  return {
    ...pair,
    async issueServer(names, privateKey) {
      const keys = await keysOf(privateKey);
      const all = [...new Set([...LOCAL_NAMES, ...names])];
      const issued = await sign(names[0] ?? 'localhost', keys.publicKey, SERVER_DAYS, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(all.map((value) => ({ type: isAddress(value) ? 'ip' : 'dns', value }))),
      ]);
      return { ...issued, privateKey: await pemOf(keys) };
    },
    async issueClient(wanted) {
      const keys = await keysOf();
      return { ...await signClient(wanted, keys.publicKey), privateKey: await pemOf(keys) };
    },
    signClient: async (wanted, publicKey) => signClient(wanted, await importedPublic(publicKey)),
  };
}

/** SHA-256 of a certificate in DER, as it is kept in the registry. */
export const sha256 = (der: ArrayBuffer | Buffer): string => createHash('sha256').update(Buffer.from(der as ArrayBuffer)).digest('hex');

/** The first bits are fixed at 01: so a serial is always positive and has 32 digits, however it is printed. */
function serialFrom(random: Sources['random']): string {
  const bytes = Buffer.from(random(16));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

async function keysOf(pem?: string): Promise<webcrypto.CryptoKeyPair> {
  if (pem === undefined) return await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']) as webcrypto.CryptoKeyPair;
  const key = createPrivateKey(pem);
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), EC, true, ['sign']) as CryptoKey,
    publicKey: await importedPublic(createPublicKey(key)),
  };
}
const pemOf = async (keys: webcrypto.CryptoKeyPair): Promise<string> =>
  PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
const importedPublic = async (key: KeyObject): Promise<CryptoKey> =>
  key.toCryptoKey(KEY_ALGORITHMS[key.asymmetricKeyType ?? '']?.(key) ?? EC, true, ['verify']) as CryptoKey;
const KEY_ALGORITHMS: Record<string, (key: KeyObject) => Parameters<KeyObject['toCryptoKey']>[0]> = {
  rsa: () => ({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }),
  ec: (key) => ({ name: 'ECDSA', namedCurve: key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256' }),
  ed25519: () => ({ name: 'Ed25519' }),
};
const isAddress = (name: string): boolean => name.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(name);
