import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { authenticate, type Shown } from '#libs/identity/authenticate';
import { newApiToken } from '#libs/identity/credential/api-token';
import { IssueApiToken, IssueCertificate, RevokeCredential, type CredentialState } from '#libs/identity/credential/credential.decider';
import { liveStates, type LiveStates } from '#libs/identity/live-states';
import { knownTo } from '#libs/identity/testing/known';
import { CredentialRegistry } from '#libs/identity/testing/credential-registry';

const NOW = Date.parse('2030-01-01T00:00:00.000Z');
let registry: CredentialRegistry;
let credentials: LiveStates<CredentialState>;
beforeEach(() => {
  registry = new CredentialRegistry(() => new Date(NOW));
  credentials = liveStates({ category: 'credential', load: registry.load });
  registry.follow(credentials.onEvent);
});

const issue = (owner = 'billing', expiresAt: string | null = null) => {
  const token = newApiToken(randomBytes);
  registry.execute(new IssueApiToken(token.id, { owner, role: 'operator', sha256: token.sha256, expiresAt }, registry.context));
  return token;
};
const asked = async (shown: Partial<Shown>, now = NOW) =>
  authenticate({ authorization: [], apiKeys: [], cookies: [], socket: new Socket(), ...shown }, knownTo(credentials.find), now)
    .then(({ principal }) => principal, (error: { code: string; message: string }) => `${error.code}: ${error.message}`);
const bearer = (text: string, now = NOW) => asked({ authorization: [`Bearer ${text}`] }, now);
const NO = 'invalid_token: invalid_token';

describe('an API token', () => {
  it('is its owner', async () => {
    const { id, text } = issue();
    expect(await bearer(text)).toEqual({ owner: 'billing', role: 'operator', scopes: null, credential: { kind: 'api-token', id } });
    expect(await asked({ authorization: [`bearer  ${text}`] })).toMatchObject({ owner: 'billing' });
  });
  it('is nothing that was issued before', () => {
    const tokens = Array.from({ length: 1000 }, () => newApiToken(randomBytes));
    expect(new Set(tokens.flatMap(({ id, text, sha256 }) => [id, text, text.slice(-64), sha256])).size).toBe(4000);
    for (const { id, text } of tokens) expect(text).toMatch(new RegExp(`^hgt_${id}_[0-9a-f]{64}$`));
  });
  it('is kept nowhere: what is stored cannot be shown instead of it', async () => {
    const { id, text, sha256 } = issue();
    const stored = JSON.stringify(registry.events(`credential-${id}`));
    expect(stored).toContain(sha256);
    expect(stored).not.toContain(text.slice(-64));
    expect(await bearer(`hgt_${id}_${sha256}`)).toBe(NO);
  });

  it('T69 with any one character changed is refused, and so is any shorter or longer form', async () => {
    const { text } = issue();
    for (let i = 0; i < text.length; i++) expect(await bearer(`${text.slice(0, i)}${text[i] === '0' ? '1' : '0'}${text.slice(i + 1)}`)).toBe(NO);
    const { id } = issue();
    for (const wrong of [text.slice(0, -1), `${text}0`, text.slice(0, 15), text.toUpperCase(), `hgt_${id}`, `hgt_${id}_`, id, '', ' ', `${text},${text}`, `${text}\n`, `${text} x`, text.replaceAll('_', '-'), `hgt_${id}${text.slice(36)}`, `hgt__proto___${text.slice(-64)}`, 'x'.repeat(20_000)]) {
      expect(await bearer(wrong)).toBe(NO);
    }
  });
  it('T69 malformed is refused without a look into the log', async () => {
    for (const wrong of ['x', 'hgt_', `hgt_${'A'.repeat(32)}_${'a'.repeat(64)}`, `hgt_../../x_${'a'.repeat(64)}`]) expect(await bearer(wrong)).toBe(NO);
    expect(registry.loads).toEqual([]);
  });
  it('T69 under another scheme, or none, is refused', async () => {
    const { text } = issue();
    for (const authorization of [text, `Basic ${text}`, `Token ${text}`, `Bearer${text}`, `Bearer\t${text}`, '']) expect(await asked({ authorization: [authorization] })).toBe(NO);
    expect(await asked({})).toBe('unauthenticated: unauthenticated');
  });
  it('T69 beside another credential is refused, whatever the two are worth', async () => {
    const { text } = issue();
    const two = 'two_credentials: two_credentials';
    expect(await asked({ authorization: [`Bearer ${text}`, `Bearer ${text}`] })).toBe(two);
    expect(await asked({ authorization: [`Bearer ${text}`], apiKeys: ['hgk_x'] })).toBe(two);
    expect(await asked({ apiKeys: ['hgk_x', 'hgk_x'] })).toBe(two);
    expect(await asked({ apiKeys: ['hgk_x'] })).toBe('invalid_api_key: invalid_api_key');
  });
  it('is not a certificate of which only id and fingerprint are known', async () => {
    const { id, text, sha256 } = newApiToken(randomBytes);
    registry.execute(new IssueCertificate(id, { owner: 'billing', role: 'admin', fingerprint256: sha256, expiresAt: '2031-01-01T00:00:00.000Z' }, registry.context));
    expect(await bearer(text)).toBe(NO);
  });
  it('T71 counts until the moment of its end, and not from then on', async () => {
    const { text } = issue('billing', '2030-01-02T00:00:00.000Z');
    const end = Date.parse('2030-01-02T00:00:00.000Z');
    expect(await bearer(text, end - 1)).toMatchObject({ owner: 'billing' });
    expect(await bearer(text, end)).toBe(NO);
  });
  it('is refused at the next request after its revocation, and read from the log once before it', async () => {
    const { id, text } = issue();
    for (let i = 0; i < 5; i++) expect(await bearer(text)).toMatchObject({ owner: 'billing' });
    expect(registry.loads).toEqual([`credential-${id}`]);
    registry.execute(new RevokeCredential(id, { reason: 'requested' }, registry.context));
    expect(await bearer(text)).toBe(NO);
  });
  it('counts at once when it is issued after it was asked for in vain', async () => {
    const token = newApiToken(randomBytes);
    expect(await bearer(token.text)).toBe(NO);
    registry.execute(new IssueApiToken(token.id, { owner: 'billing', role: 'user', sha256: token.sha256, expiresAt: null }, registry.context));
    expect(await bearer(token.text)).toMatchObject({ owner: 'billing' });
  });
});
