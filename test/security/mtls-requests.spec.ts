import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BasicConstraintsExtension, PemConverter, Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension, type Extension } from '@peculiar/x509';
import { Refusal } from '#libs/event-sourcing/errors';
import { createAuthority, type Authority } from '#libs/identity/certificate/authority';
import { requestedKey } from '#libs/identity/certificate/certificate-request';
import { IssueCertificate } from '#libs/identity/credential/credential.decider';
import { askOnce, mtlsParty, type MtlsParty } from '#libs/identity/testing/mtls-party';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const rsa = (modulusLength: number, hash = 'SHA-256') => ({ name: 'RSASSA-PKCS1-v1_5', hash, modulusLength, publicExponent: new Uint8Array([1, 0, 1]) });
type Keys = webcrypto.CryptoKeyPair;
const keysFor = async (algorithm: object): Promise<Keys> => await webcrypto.subtle.generateKey(algorithm as typeof EC, true, ['sign', 'verify']) as Keys;

async function requestOf(keys: Keys, { name = 'CN=owner-a', extensions = [] as Extension[], algorithm = EC as object } = {}): Promise<string> {
  return (await Pkcs10CertificateRequestGenerator.create({ name, keys, extensions, signingAlgorithm: algorithm as typeof EC }, webcrypto as Crypto)).toString('pem');
}
const spoilt = (pem: string, spoil: (der: Buffer) => Buffer): string => PemConverter.encode(new Uint8Array(spoil(Buffer.from(PemConverter.decodeFirst(pem)))).buffer, 'CERTIFICATE REQUEST');
const swapped = (from: string, to: string) => (der: Buffer): Buffer => Buffer.from(der.toString('hex').replaceAll(from, to), 'hex');
const refusal = (doing: Promise<unknown>): Promise<string> =>
  doing.then(() => 'taken', (error: unknown) => { if (error instanceof Refusal) return [error.code, ...error.errors?.map((e) => `${e.field} ${e.message}`) ?? []].join(': '); throw error; });

let party: MtlsParty;
let authority: Authority;
beforeAll(async () => { party = await mtlsParty(); authority = party.authority; });
afterAll(() => party.close());

const BLOCK = 'validation_failed: request must be one PEM block';
const SIGNATURE = 'validation_failed: request is not a certificate request that its own key has signed';
const KEY = 'validation_failed: request must be for a key of';
const NAME = 'validation_failed: request must name nobody';
const EXTENSIONS = 'validation_failed: request must ask for no extensions';
const DAYS = 'validation_failed: days must be a whole number from 1 to 398';
const SIZE = 'payload_too_large';

const WRONG: Record<string, [refusal: string, pem: () => Promise<string>]> = {
  'RSA 1024': [KEY, async () => requestOf(await keysFor(rsa(1024)), { algorithm: rsa(1024) })],
  'SHA-1 signature': [SIGNATURE, async () => requestOf(await keysFor(rsa(2048, 'SHA-1')), { algorithm: rsa(2048, 'SHA-1') })],
  // sha256WithRSAEncryption → md5WithRSAEncryption
  'MD5 signature': [SIGNATURE, async () => spoilt(await requestOf(await keysFor(rsa(2048)), { algorithm: rsa(2048) }), swapped('2a864886f70d01010b', '2a864886f70d010104'))],
  'P-521': [KEY, async () => requestOf(await keysFor({ ...EC, namedCurve: 'P-521' }), { algorithm: { ...EC, namedCurve: 'P-521' } })],
  'CA:TRUE': [EXTENSIONS, async () => requestOf(await keysFor(EC), { extensions: [new BasicConstraintsExtension(true, undefined, true)] })],
  'extra SANs': [EXTENSIONS, async () => requestOf(await keysFor(EC), { extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'owner-b' }])] })],
  'subject of another client': [NAME, async () => requestOf(await keysFor(EC), { name: 'CN=owner-b' })],
  'subject with a second name': [NAME, async () => requestOf(await keysFor(EC), { name: 'CN=owner-a,CN=owner-b' })],
  'subject with an organisation': [NAME, async () => requestOf(await keysFor(EC), { name: 'CN=owner-a,O=x' })],
  '1 MB PEM': [SIZE, async () => `-----BEGIN CERTIFICATE REQUEST-----\n${'A'.repeat(1_000_000)}\n-----END CERTIFICATE REQUEST-----`],
  'PEM with two blocks': [BLOCK, async () => `${await requestOf(await keysFor(EC))}\n${await requestOf(await keysFor(EC))}`],
  'text before the block': [BLOCK, async () => `hello\n${await requestOf(await keysFor(EC))}`],
  'a certificate in its place': [BLOCK, async () => (await authority.issueClient({ owner: 'owner-a', days: 1 })).certificate],
  'no DER in the block': [SIGNATURE, async () => '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----'],
  'bad proof of possession': [SIGNATURE, async () => spoilt(await requestOf(await keysFor(EC)), swapped(Buffer.from('owner-a').toString('hex'), Buffer.from('owner-b').toString('hex')))],
};

describe('a request to the authority', () => {
  it.each(Object.keys(WRONG))('T16 %s is refused', async (name) => {
    const [code, pem] = WRONG[name]!;
    expect((await refusal(requestedKey(await pem(), 'owner-a'))).slice(0, code.length)).toBe(code);
  });
  it.each([0, -1, 1.5, 399, 36_500, Number.NaN, Infinity])('T16 validity of %d days is refused', async (days) => {
    expect(await refusal(authority.issueClient({ owner: 'owner-a', days }))).toBe(DAYS);
    expect(await refusal(authority.signClient({ owner: 'owner-a', days }, await requestedKey(await requestOf(await keysFor(EC)), 'owner-a')))).toBe(DAYS);
  });
  it.each(['', 'CN=x', 'a,b', 'A', 'a\u0000b'])('T16 owner %j is refused', async (owner) => {
    expect(await refusal(authority.issueClient({ owner, days: 1 }))).toMatch(/^validation_failed: owner must be/);
  });

  it.each([['EC P-256', EC], ['EC P-384', { ...EC, namedCurve: 'P-384' }], ['RSA 2048', rsa(2048)], ['Ed25519', { name: 'Ed25519' }]])('T16 %s is taken: the key, and nothing else', async (_, algorithm) => {
    const keys = await keysFor(algorithm);
    const issued = await authority.signClient({ owner: 'owner-a', days: 398 }, await requestedKey(await requestOf(keys, { algorithm }), 'owner-a'));
    const shown = new X509Certificate(issued.certificate);
    expect(shown.publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey)));
    expect({ subject: shown.subject, ca: shown.ca, usage: shown.keyUsage, names: shown.subjectAltName }).toEqual({ subject: 'CN=owner-a', ca: false, usage: ['1.3.6.1.5.5.7.3.2'], names: undefined });
    expect(shown.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(398 * 86_400_000);
    party.registry.execute(new IssueCertificate(issued.serial, { owner: 'owner-a', role: 'user', fingerprint256: issued.fingerprint256, expiresAt: issued.notAfter }, party.registry.context));
    const privateKey = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    expect((await askOnce(party, { certificate: issued.certificate, privateKey })).principal?.owner).toBe('owner-a');
  });

  it('T16 100 at once get 100 serials, of at least 64 random bits, and 100 keys', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => authority.issueClient({ owner: 'owner-a', days: 1 })));
    for (const field of ['serial', 'privateKey', 'fingerprint256'] as const) expect(new Set(all.map((one) => one[field])).size).toBe(100);
    // Every hexadecimal digit after the first is drawn: none is the same in all of 100 serials.
    for (let digit = 1; digit < 32; digit++) expect(new Set(all.map(({ serial }) => serial[digit])).size).toBeGreaterThan(4);
  });
  it('T16 the private key that it made is handed out once and kept nowhere', async () => {
    const own = await createAuthority({ now: () => new Date(), random: randomBytes });
    const client = await own.issueClient({ owner: 'owner-a', days: 1 });
    expect(JSON.stringify(own)).not.toContain(client.privateKey.split('\n')[1]);
    party.registry.execute(new IssueCertificate(client.serial, { owner: 'owner-a', role: 'user', fingerprint256: client.fingerprint256, expiresAt: client.notAfter }, party.registry.context));
    const [event] = party.registry.events(`credential-${client.serial}`);
    expect(Object.keys(event!.data as object).sort()).toEqual(['expiresAt', 'fingerprint256', 'issuedAt', 'owner', 'role']);
  });
});
