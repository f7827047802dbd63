/** Client certificates over the API: issued, handed out once, used, renewed, revoked, listed, warned about. */
import { X509Certificate, createPrivateKey, webcrypto } from 'node:crypto';
import { Agent, request } from 'node:https';
import { strFromU8, unzipSync } from 'fflate';
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension, type Extension } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { DisableUser } from '#libs/identity/user/user.decider';
import { account, person, type Person } from '../journeys/principals.js';
import { WholeHouse, type Body, type Client } from '../journeys/whole-house.js';

const CERTS = '/api/v1/certificates';
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
interface Issued { serial: string; certificate: string; private_key: string; ca_certificate: string; [more: string]: unknown }

let whole: WholeHouse, admin: Person, ask: Client;
beforeAll(async () => {
  whole = await WholeHouse.open();
  admin = await person(whole, 'admin');
  ask = admin.as['api-token'];
}, 20_000);
afterAll(() => whole.close());

const issue = async (body: object = { owner: 'billing' }, headers: Record<string, string> = {}): Promise<Issued> => {
  const given = await ask('POST', CERTS, { body, headers });
  if (given.status !== 201) throw new Error(given.text);
  return given.body as unknown as Issued;
};
/** One request with a certificate, over a connection of its own. */
const shown = (pair: Pick<Issued, 'certificate' | 'private_key'>, path = '/api/v1/messages'): Promise<{ status: number; ends: unknown; body: Body }> => new Promise((resolve, reject) => {
  const agent = new Agent({ ca: whole.house.secrets.ca.certificate, cert: pair.certificate, key: pair.private_key, servername: 'localhost' });
  request({ host: '127.0.0.1', port: whole.mtlsPort, path, agent, headers: { host: `localhost:${whole.mtlsPort}` } }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (part: string) => { text += part; }).once('end', () => { agent.destroy(); resolve({ status: answer.statusCode!, ends: answer.headers['x-heliograph-certificate-ends'], body: JSON.parse(text) as Body }); });
  }).once('error', reject).end();
});
const requestOf = async (keys: webcrypto.CryptoKeyPair, name: string, extensions: Extension[] = []): Promise<string> =>
  (await Pkcs10CertificateRequestGenerator.create({ name, keys, extensions, signingAlgorithm: EC }, webcrypto as Crypto)).toString('pem');
const newKeys = async (): Promise<webcrypto.CryptoKeyPair> => await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']) as webcrypto.CryptoKeyPair;

describe('a client certificate over the API', () => {
  it('opens the mutual-TLS listener as its owner, and its key is kept nowhere', async () => {
    const made = await issue();
    expect(made).toMatchObject({ owner: 'billing', role: 'user', state: 'active', serial: expect.stringMatching(/^[0-9a-f]{32}$/) });
    const x = new X509Certificate(made.certificate);
    expect([x.serialNumber.toLowerCase(), x.ca, x.checkPrivateKey(createPrivateKey(made.private_key)), x.verify(new X509Certificate(made.ca_certificate).publicKey)]).toEqual([made.serial, false, true, true]);
    expect((await shown(made)).status).toBe(200);
    const { events } = await whole.house.engine.eventStore.readAll(null, ['credential-'], 1_000);
    expect(JSON.stringify(events)).not.toContain(made.private_key.split('\n')[1]);
  });
  it('leaves as one archive where that is asked for', async () => {
    const agent = await fetch(`http://127.0.0.1:${whole.house.listening.ports[0]!.port}${CERTS}`, {
      method: 'POST', headers: { authorization: `Bearer ${await whole.token(admin.id, 'admin')}`, 'content-type': 'application/json', accept: 'application/zip' }, body: JSON.stringify({ owner: 'archive' }),
    });
    expect([agent.status, agent.headers.get('content-type'), agent.headers.get('cache-control')]).toEqual([201, 'application/zip', 'no-store']);
    const files = unzipSync(new Uint8Array(await agent.arrayBuffer()));
    expect(Object.keys(files)).toEqual(['client.crt', 'client.key', 'ca.crt']);
    expect((await shown({ certificate: strFromU8(files['client.crt']!), private_key: strFromU8(files['client.key']!) })).status).toBe(200);
  });
  it('belongs to an account by its id or its name, gives no more than that, and ends with it', async () => {
    const owner = await account(whole, 'operator');
    const made = await issue({ owner, role: 'admin' });
    expect(made['owner']).toBe(owner);
    expect((await issue({ owner: owner.toUpperCase().toLowerCase() }))['owner']).toBe(owner);
    expect((await shown(made, CERTS)).status).toBe(403);
    expect((await shown(made)).status).toBe(200);
    await whole.house.api.bus.execute(new DisableUser(owner, { reason: null, by: null, othersRemain: true }, { principal: 'local:spec', correlationId: 'c', causationId: 'c' }));
    await until('it ended with its owner', async () => (await shown(made)).status === 401, 5_000);
    expect((await shown(made)).body['reason']).toBe('owner-gone');
    expect((await ask('POST', CERTS, { body: { owner: `usr_${'0'.repeat(32)}` } })).body.errors[0]!.field).toBe('owner');
  });
  it('is nobody\'s by a name that he signed up under, only by his id', async () => {
    const { body: { id } } = await whole.showing({})('POST', '/auth/signup', { body: { username: 'signed-up', password: 'password123' } });
    const refused = await ask('POST', CERTS, { body: { owner: 'signed-up' } });
    expect([refused.status, refused.body['errors']]).toEqual([422, [{ field: 'owner', message: expect.stringContaining('give its id (usr_…)') }]]);
    expect((await issue({ owner: id }))['owner']).toBe(id);
    expect((await ask('GET', `${CERTS}?owner=signed-up`)).body['certificates']).toHaveLength(1);
  });
  it('T16 by request: the key alone is taken; whoever asks for more is refused, and nothing is written', async () => {
    const keys = await newKeys();
    const made = await issue({ owner: 'owner-a', days: 398, request: await requestOf(keys, 'CN=owner-a') });
    expect(made.private_key).toBeNull();
    const x = new X509Certificate(made.certificate);
    expect(x.publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey)));
    expect([x.subject, x.ca, x.keyUsage, x.subjectAltName]).toEqual(['CN=owner-a', false, ['1.3.6.1.5.5.7.3.2'], undefined]);
    const head = await whole.house.engine.eventStore.head();
    const wrong: [status: number, body: object][] = [
      [422, { owner: 'owner-a', request: await requestOf(keys, 'CN=owner-b') }],
      [422, { owner: 'owner-a', request: await requestOf(keys, 'CN=owner-a', [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'owner-b' }])]) }],
      [422, { owner: 'owner-a', request: `${await requestOf(keys, 'CN=owner-a')}\n${await requestOf(keys, 'CN=owner-a')}` }],
      [413, { owner: 'owner-a', request: 'A'.repeat(20_000) }],
      [413, { owner: 'owner-a', request: 'A'.repeat(1_000_000) }],
      ...[0, 399, 36_500, 1.5].map((days): [number, object] => [422, { owner: 'owner-a', days }]),
      [422, { owner: 'Not A Name' }],
    ];
    for (const [status, body] of wrong) expect([JSON.stringify(body).slice(0, 60), (await ask('POST', CERTS, { body })).status]).toEqual([JSON.stringify(body).slice(0, 60), status]);
    expect(await whole.house.engine.eventStore.head()).toBe(head);
  });
  it('T16 100 at once have 100 serials', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => issue({ owner: 'owner-a', days: 1 })));
    for (const field of ['serial', 'private_key', 'fingerprint256'] as const) expect(new Set(all.map((one) => one[field])).size).toBe(100);
  }, 20_000);
  it('T14 renewed: both count until the old one is ended, which may be at once', async () => {
    const old = await issue();
    const next = (await ask('POST', `${CERTS}/${old.serial}/renew`, { body: {} })).body as unknown as Issued;
    expect(next).toMatchObject({ owner: 'billing', role: 'user' });
    expect([(await shown(old)).status, (await shown(next)).status]).toEqual([200, 200]);
    const last = (await ask('POST', `${CERTS}/${next.serial}/renew`, { body: { revoke_old: true } })).body as unknown as Issued;
    await until('the old one is ended', async () => (await shown(next)).status === 401, 5_000);
    expect((await ask('GET', `${CERTS}/${next.serial}`)).body).toMatchObject({ state: 'revoked', revoked_because: 'replaced' });
    expect((await shown(last)).status).toBe(200);
  });
  it('T13 revoked by its serial, however it is written: it opens nothing, and says why', async () => {
    const made = await issue();
    const spelled = made.serial.toUpperCase().replace(/..(?=.)/g, '$&:');
    expect((await ask('POST', `${CERTS}/${spelled}/revoke`, { body: { reason: 'compromised' } })).body).toMatchObject({ serial: made.serial, state: 'revoked', revoked_because: 'compromised' });
    await until('it opens nothing', async () => (await shown(made)).status === 401, 5_000);
    expect((await shown(made)).body.detail).toContain('Certificate revoked');
    expect((await ask('POST', `${CERTS}/${made.serial}/revoke`, { body: {} })).body).toMatchObject({ revoked_because: 'compromised' });
    expect((await ask('POST', `${CERTS}/${'0'.repeat(32)}/revoke`, { body: {} })).status).toBe(404);
  });
  it('issued again with the same Idempotency-Key is the same one, and nothing of it is shown again', async () => {
    const headers = { 'idempotency-key': 'till-7' };
    const made = await issue({ owner: 'till-7', days: 30 }, headers);
    const again = await ask('POST', CERTS, { body: { owner: 'till-7', days: 30 }, headers });
    expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' }, body: { serial: made.serial, certificate: null, private_key: null } });
    for (const other of [{ owner: 'till-8', days: 30 }, { owner: 'till-7', days: 60 }, { owner: 'till-7', days: 30, role: 'admin' }]) expect((await ask('POST', CERTS, { body: other, headers })).status).toBe(422);
  });
  it('one that ends within 30 days is warned about: to its user at every answer, to its owner in the list, to operators in a metric', async () => {
    const owner = await person(whole, 'user');
    const [soon, later] = [await issue({ owner: owner.id, days: 29 }), await issue({ owner: owner.id, days: 60 })];
    expect((await shown(soon)).ends).toBe(soon['expires_at']);
    expect((await shown(later)).ends).toBeUndefined();
    const listed = (await owner.as['access-token']('GET', '/api/v1/profile/certificates')).body['certificates'] as { serial: string; state: string }[];
    expect(listed.filter((c) => [soon.serial, later.serial].includes(c.serial)).map((c) => c.state).sort((a, b) => (a < b ? -1 : 1))).toEqual(['active', 'expiring']);
    expect(((await ask('GET', `${CERTS}?owner=${owner.id}`)).body['certificates'] as object[]).length).toBe(listed.length);
    expect((await whole.showing({})('GET', '/metrics')).text).toMatch(/^heliograph_client_certificates_ending [1-9]\d*$/m);
  });
  it('is for administrators alone', async () => {
    const operator = await person(whole, 'operator');
    for (const [method, path] of [['GET', CERTS], ['POST', CERTS], ['GET', `${CERTS}/${'0'.repeat(32)}`]] as const) expect((await operator.as['api-token'](method, path, method === 'POST' ? { body: { owner: 'x' } } : {})).status).toBe(403);
  });
});
