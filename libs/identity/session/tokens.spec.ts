import { createHmac, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { fixedKeys, heard, KID } from './testing/fixed-keys.js';
import type { SigningKeys } from './signing-keys.js';
import { Tokens } from './tokens.js';

const START = Date.parse('2030-01-01T00:00:00.000Z');
const SECONDS = START / 1000;
const claims = { user: 'usr_1', session: 'ses_1', n: 0, expiresAt: '2030-04-01T00:00:00.000Z' };
let keys: SigningKeys, tokens: Tokens, now: number;
beforeAll(async () => { keys = await fixedKeys(); });
const at = (seconds: number): void => { now = START + seconds * 1000; };
beforeAll(() => { tokens = new Tokens({ keys, now: () => new Date(now), lifetimes: () => ({ accessMinutes: 30, refreshDays: 7 }) }); at(0); });

const b64 = (value: object | string): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const signed = (header: object, payload: object | string, secret: string | Buffer): string => {
  const text = `${b64(header)}.${b64(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};
const HEADER = { alg: 'HS256', kid: KID, typ: 'at+jwt' };
const PAYLOAD = { iss: 'heliograph', aud: 'heliograph:api', sub: 'usr_1', sid: 'ses_1', iat: SECONDS, exp: SECONDS + 1_800 };
const rightly = (payload: object | string, header: object = HEADER): string => signed(header, payload, keys.key(KID, 'access')!);

describe('tokens', () => {
  it('name who and which session, and count for their time', async () => {
    at(0);
    const pair = await tokens.issue(claims);
    expect(pair.expiresIn).toBe(1_800);
    expect(await tokens.verifyAccess(pair.access)).toMatchObject({ user: 'usr_1', session: 'ses_1' });
    expect(await tokens.verifyRefresh(pair.refresh)).toEqual({ user: 'usr_1', session: 'ses_1', n: 0 });
    for (const [seconds, good] of [[1_800 + 59, true], [1_800 + 60, false], [1_800 + 61, false], [-59, true], [-61, false]] as const) {
      at(seconds);
      expect([seconds, (await tokens.verifyAccess(pair.access)) !== null]).toEqual([seconds, good]);
    }
    for (const [seconds, good] of [[7 * 86_400 + 59, true], [7 * 86_400 + 61, false]] as const) {
      at(seconds);
      expect((await tokens.verifyRefresh(pair.refresh)) !== null).toBe(good);
    }
    at(0);
  });
  it('end with their session', async () => {
    const pair = await tokens.issue({ ...claims, expiresAt: '2030-01-01T00:10:00.000Z' });
    expect(pair.expiresIn).toBe(600);
    at(700);
    expect([await tokens.verifyAccess(pair.access), await tokens.verifyRefresh(pair.refresh)]).toEqual([null, null]);
    at(0);
  });
  it('count under an older key until it is retired, at once also where they were checked before', async () => {
    const own = await fixedKeys();
    const these = new Tokens({ keys: own, now: () => new Date(START), lifetimes: () => ({ accessMinutes: 30, refreshDays: 7 }) });
    const before = await these.issue(claims);
    heard(own, 1, 'SigningKeyAdded', 'k00000000000000b2');
    const after = await these.issue(claims);
    expect(after.access.split('.')[0]).not.toBe(before.access.split('.')[0]);
    expect(await these.verifyAccess(before.access)).not.toBeNull();
    heard(own, 2, 'SigningKeyRetired', KID);
    expect([await these.verifyAccess(before.access), await these.verifyRefresh(before.refresh)]).toEqual([null, null]);
    expect(await these.verifyAccess(after.access)).not.toBeNull();
  });

  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const T01: [string, () => string][] = [
    ['{"alg":"none"} and an empty signature', () => `${b64({ alg: 'none' })}.${b64(PAYLOAD)}.`],
    ['{"alg":"none"} with our kid and type', () => `${b64({ ...HEADER, alg: 'none' })}.${b64(PAYLOAD)}.`],
    ['HS256 signed with the PEM text of a public key', () => signed(HEADER, PAYLOAD, pem)],
    ['kid = ../../x', () => signed({ ...HEADER, kid: '../../x' }, PAYLOAD, '')],
    ["kid = ' OR 1=1 --", () => signed({ ...HEADER, kid: "' OR 1=1 --" }, PAYLOAD, '')],
    ['header with jwk', () => rightly(PAYLOAD, { ...HEADER, jwk: { kty: 'oct', k: b64('mine') } })],
    ['header with jku', () => rightly(PAYLOAD, { ...HEADER, jku: 'https://192.0.2.10/k' })],
    ['header with x5u', () => rightly(PAYLOAD, { ...HEADER, x5u: 'https://192.0.2.10/k' })],
    ['an unknown name in crit', () => rightly(PAYLOAD, { ...HEADER, crit: ['strange'], strange: true })],
    ['HS512 under our key', () => rightly(PAYLOAD, { ...HEADER, alg: 'HS512' })],
    ['a 20 kB token', () => rightly({ ...PAYLOAD, more: 'x'.repeat(15_000) })],
  ];
  it.each(T01)('T01 %s: names nobody', async (_, make) => expect(await tokens.verifyAccess(make())).toBeNull());

  const T02: [string, () => string][] = [
    ['no exp', () => rightly({ ...PAYLOAD, exp: undefined })],
    ['exp as string', () => rightly({ ...PAYLOAD, exp: String(PAYLOAD.exp) })],
    ['exp: 1e999', () => rightly(JSON.stringify(PAYLOAD).replace(String(PAYLOAD.exp), '1e999'))],
    ['another iss', () => rightly({ ...PAYLOAD, iss: 'https://evil.example.com' })],
    ['another aud', () => rightly({ ...PAYLOAD, aud: 'heliograph:refresh' })],
    ['nbf 120 s ahead', () => rightly({ ...PAYLOAD, nbf: SECONDS + 120 })],
    ['iat 120 s ahead', () => rightly({ ...PAYLOAD, iat: SECONDS + 120 })],
    ['no subject', () => rightly({ ...PAYLOAD, sub: undefined })],
    ['no session', () => rightly({ ...PAYLOAD, sid: undefined })],
    ['access token 30 min + 61 s old', () => rightly({ ...PAYLOAD, iat: SECONDS - 1_861, exp: SECONDS - 61 })],
  ];
  it.each(T02)('T02 %s: names nobody', async (_, make) => expect(await tokens.verifyAccess(make())).toBeNull());
  it('T02 the one that these differ from by one thing is taken', async () => expect(await tokens.verifyAccess(rightly(PAYLOAD))).not.toBeNull());
  it('T02 a refresh token is no access token, nor the other way round', async () => {
    const { access, refresh } = await tokens.issue(claims);
    expect([await tokens.verifyAccess(refresh), await tokens.verifyRefresh(access)]).toEqual([null, null]);
  });
  it.each([-1, 1.5, '0', null, undefined])('a refresh token whose number is %p counts for nothing', async (n) => {
    const key = keys.key(KID, 'refresh')!;
    expect(await tokens.verifyRefresh(signed({ ...HEADER, typ: 'heliograph-refresh+jwt' }, { ...PAYLOAD, aud: 'heliograph:refresh', n }, key))).toBeNull();
  });
});
