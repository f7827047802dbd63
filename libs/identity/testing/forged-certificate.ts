import { randomBytes, webcrypto, X509Certificate as Parsed } from 'node:crypto';
import {
  BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator,
} from '@peculiar/x509';
import { sha256, type IssuedKeyPair, type KeyPair } from '../certificate/authority.js';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;

/** A certificate as our authority would never make it, signed with any key (its own, for `null`): for specs. */
export async function forged(by: KeyPair | null, commonName: string, { ca = false, dns = [] as string[] } = {}): Promise<IssuedKeyPair> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const signer = by && await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(by.privateKey), EC, true, ['sign']);
  const subject = [{ CN: [commonName] }];
  const certificate = await X509CertificateGenerator.create({
    // as long as ours, or the registry would not take it: the library's own has 31 digits now and then
    serialNumber: `4${randomBytes(16).toString('hex').slice(1)}`, subject, issuer: by ? new Parsed(by.certificate).subject : subject,
    notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY),
    publicKey: keys.publicKey, signingKey: signer ?? keys.privateKey, signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(ca, undefined, true), new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ...dns.length ? [new SubjectAlternativeNameExtension(dns.map((value) => ({ type: 'dns', value })))] : [],
    ],
  }, webcrypto as Crypto);
  return {
    certificate: certificate.toString('pem'), privateKey: PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    serial: certificate.serialNumber, fingerprint256: sha256(certificate.rawData), notAfter: certificate.notAfter.toISOString(),
  };
}
