import { randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createAuthority, loadAuthority } from './authority.js';

const now = new Date('2030-01-01T00:00:00.000Z');
const sources = { now: () => now, random: randomBytes };

describe('the authority', () => {
  it('is one, for ten years, and may have none below it', async () => {
    const ca = await createAuthority(sources);
    const parsed = new X509Certificate(ca.certificate);
    expect(parsed.ca).toBe(true);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(parsed.validToDate.toISOString()).toBe('2039-12-31T23:55:00.000Z');
    // BasicConstraints, critical: SEQUENCE { TRUE, 0 }
    expect(parsed.raw.toString('hex')).toContain('0603551d130101ff040830060101ff020100');
  });
  it('issues for this server by all its names', async () => {
    const ca = await createAuthority(sources);
    const server = new X509Certificate((await ca.issueServer(['heliograph.example', '192.0.2.7'])).certificate);
    for (const host of ['localhost', 'heliograph.example']) expect(server.checkHost(host)).toBe(host);
    for (const ip of ['127.0.0.1', '::1', '192.0.2.7']) expect(server.checkIP(ip)).toBe(ip);
    expect(server.checkHost('other.example')).toBeUndefined();
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(server.ca).toBe(false);
  });
  it('issues for a key that was there before', async () => {
    const ca = await createAuthority(sources);
    const first = await ca.issueServer([]);
    const second = await ca.issueServer([], first.privateKey);
    expect(second.serial).not.toBe(first.serial);
    expect(new X509Certificate(second.certificate).publicKey.equals(new X509Certificate(first.certificate).publicKey)).toBe(true);
    const again = await createAuthority(sources, ca.privateKey);
    expect(new X509Certificate(first.certificate).verify(new X509Certificate(again.certificate).publicKey)).toBe(true);
  });
  it('tells of a client certificate what its registry needs', async () => {
    const ca = await createAuthority(sources);
    const issued = await ca.issueClient({ owner: 'billing', days: 398 });
    const parsed = new X509Certificate(issued.certificate);
    expect(issued.serial).toBe(parsed.serialNumber.toLowerCase());
    expect(issued.serial).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(issued.fingerprint256).toBe(parsed.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(issued.notAfter).toBe('2031-02-03T00:00:00.000Z');
    expect(parsed.validToDate.toISOString()).toBe(issued.notAfter);
    expect(issued.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });
  it('issues nothing that outlives it', async () => {
    const ca = await createAuthority(sources);
    const late = await loadAuthority(ca, { ...sources, now: () => new Date('2039-12-31T00:00:00.000Z') });
    expect((await late.issueClient({ owner: 'billing', days: 398 })).notAfter).toBe('2039-12-31T23:55:00.000Z');
  });
  it('is not loaded from what is no authority, nor with the key of another', async () => {
    const ca = await createAuthority(sources);
    await expect(loadAuthority(await ca.issueClient({ owner: 'billing', days: 1 }), sources)).rejects.toThrow('CA:TRUE is missing');
    await expect(loadAuthority({ ...ca, privateKey: (await createAuthority(sources)).privateKey }, sources)).rejects.toThrow('does not belong');
  });
});
