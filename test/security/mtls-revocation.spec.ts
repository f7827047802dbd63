import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { mtlsOptions } from '#libs/identity/certificate/mutual-tls';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { ask, askOnce, connection, mtlsParty, type MtlsParty } from '#libs/identity/testing/mtls-party';

const parties: MtlsParty[] = [];
const party = async (...options: Parameters<typeof mtlsParty>): Promise<MtlsParty> => {
  const made = await mtlsParty(...options);
  parties.push(made);
  return made;
};
afterEach(async () => { await Promise.all(parties.splice(0).map((p) => p.close())); });

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const only = (version: (typeof VERSIONS)[number]) => ({ minVersion: version, maxVersion: version });

/** A session to resume: 1.3 sends it after the handshake, if at all, so it is asked for after an answer has come. */
async function sessionOf(to: MtlsParty, ...[pair, options]: [Parameters<typeof connection>[1], Parameters<typeof connection>[2]]): Promise<Buffer> {
  let session: Buffer | undefined;
  const socket = await connection(to, pair, options);
  socket.on('session', (s: Buffer) => { session = s; });
  await ask(socket);
  session ??= socket.getSession();
  socket.destroy();
  return session!;
}

/** What makes another process resume our sessions: tickets on, and the same keys. */
const tickets = () => ({ secureOptions: 0, ticketKeys: randomBytes(48) });

describe.each(VERSIONS)('a revoked certificate over %s', (version) => {
  it('T13 cannot be passed by a resumed session: there are none', async () => {
    const here = await party();
    const client = await here.client();
    const session = await sessionOf(here, client, only(version));
    here.revoke(client.serial);
    const again = await connection(here, client, { ...only(version), session });
    expect(again.isSessionReused()).toBe(false);
    expect(await ask(again)).toMatchObject({ status: 401, reason: 'revoked' });
  });

  it('T13 cannot be passed by a session resumed on another process with the same ticket keys, were tickets ever switched on', async () => {
    const change = tickets();
    const here = await party({ change });
    const there = await party({ change, authority: here.authority, registry: here.registry });
    const client = await here.client();
    const session = await sessionOf(here, client, only(version));
    here.revoke(client.serial);
    // The client shows no certificate at all this time: what the server knows of it comes from the session alone.
    const again = await connection(there, {}, { ...only(version), session });
    expect(again.isSessionReused()).toBe(true);
    expect(await ask(again)).toMatchObject({ status: 401, reason: 'revoked' });
    expect(there.handled).toEqual([]);
  });

  it('T13 the control: the same resumed session is let in while the certificate is good', async () => {
    const change = tickets();
    const here = await party({ change });
    const there = await party({ change, authority: here.authority, registry: here.registry });
    const client = await here.client();
    const again = await connection(there, {}, { ...only(version), session: await sessionOf(here, client, only(version)) });
    expect(again.isSessionReused()).toBe(true);
    expect((await ask(again)).principal?.credential.id).toBe(client.serial);
  });

  it('T13 a session resumed after the certificate ended is refused', async () => {
    let ahead = 0;
    const change = tickets();
    const here = await party({ change, now: () => new Date(Date.now() + ahead) });
    const client = await here.client();
    const session = await sessionOf(here, client, only(version));
    ahead = 31 * 86_400_000;
    const again = await connection(here, {}, { ...only(version), session });
    expect(again.isSessionReused()).toBe(true);
    expect(await ask(again)).toMatchObject({ status: 401, reason: 'expired' });
  });

  it('T14 is refused at the next request of an open connection, which is then closed', async () => {
    const here = await party();
    const client = await here.client();
    const socket: TLSSocket = await connection(here, client, only(version));
    expect((await ask(socket)).status).toBe(200);
    expect((await ask(socket)).status).toBe(200);
    // Looked up at each request, but read from the log once.
    expect(here.registry.loads).toEqual([`credential-${client.serial}`]);
    here.revoke(client.serial);
    const answer = await ask(socket);
    expect(answer).toMatchObject({ status: 401, reason: 'revoked' });
    expect(answer.detail).toMatch(/^Certificate revoked/);
    await until('the connection is closed', () => socket.destroyed);
    expect(here.handled).toHaveLength(2);
  });

  it('T14 expires on an open connection', async () => {
    let ahead = 0;
    const here = await party({ now: () => new Date(Date.now() + ahead) });
    const client = await here.client();
    const socket = await connection(here, client, only(version));
    expect((await ask(socket)).status).toBe(200);
    ahead = Date.parse(client.notAfter) + 1000 - Date.now();
    expect(await ask(socket)).toMatchObject({ status: 401, reason: 'expired' });
  });
});

describe('what the listener speaks', () => {
  it('T17 neither TLS 1.1 nor a suite without authenticated encryption', async () => {
    const here = await party();
    const client = await here.client();
    await expect(askOnce(here, client, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).rejects.toThrow(/protocol version|no protocols/i);
    await expect(askOnce(here, client, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' })).rejects.toThrow(/handshake failure/);
  });
  it('T17 no renegotiation, by which the certificate could change under an open connection', async () => {
    const here = await party();
    const socket = await connection(here, await here.client(), only('TLSv1.2'));
    const closed = new Promise<void>((resolve) => socket.on('error', () => {}).once('close', () => resolve()));
    const answer = await new Promise<string>((resolve) => { socket.renegotiate({}, (error) => resolve(error?.message ?? 'renegotiated')); socket.once('close', () => resolve('closed')); });
    expect(answer).not.toBe('renegotiated');
    await closed;
    expect((await askOnce(here, await here.client())).status).toBe(200);
  });
  it('T17 lets go of a handshake that is not gone on with', async () => {
    const here = await party({ change: { handshakeTimeout: 50 } });
    expect(mtlsOptions({ server: here.authority, ca: here.authority }).handshakeTimeout).toBe(10_000);
    const silent = connect(here.port, '127.0.0.1');
    await new Promise<void>((resolve) => silent.on('error', () => {}).once('close', () => resolve()).resume());
    expect((await askOnce(here, await here.client())).status).toBe(200);
  });
  it('T17 takes a new server certificate without a restart', async () => {
    const here = await party();
    const before = await connection(here, await here.client());
    const issued = await here.authority.issueServer(['renewed.example']);
    here.server.setSecureContext(mtlsOptions({ server: issued, ca: here.authority }));
    const after = await connection(here, await here.client());
    expect(before.getPeerX509Certificate()?.checkHost('renewed.example')).toBeUndefined();
    expect(after.getPeerX509Certificate()?.checkHost('renewed.example')).toBe('renewed.example');
    expect((await ask(after)).status).toBe(200);
  });
});
