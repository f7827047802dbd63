import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { authenticate, goodApiKey } from '#libs/identity/authenticate';
import { newApiKey } from '#libs/identity/credential/api-key';
import { IssueApiKey, RevokeCredential, type CredentialState } from '#libs/identity/credential/credential.decider';
import { liveStates } from '#libs/identity/live-states';
import { CredentialRegistry } from '#libs/identity/testing/credential-registry';
import { ACTIVE, knownTo, type KnownTo } from '#libs/identity/testing/known';

const NOW = Date.parse('2030-01-01T00:00:00.000Z');
const DAY_MS = 86_400_000;
const OWNER = `usr_${'1'.repeat(32)}`;
let registry: CredentialRegistry, known: KnownTo;
beforeEach(() => {
  registry = new CredentialRegistry(() => new Date(NOW));
  const credentials = liveStates<CredentialState>({ category: 'credential', load: registry.load });
  registry.follow(credentials.onEvent);
  known = knownTo(credentials.find);
  known.accounts.set(OWNER, ACTIVE);
});

const issue = (days = 1, owner = OWNER) => {
  const key = newApiKey(randomBytes, known.mac);
  registry.execute(new IssueApiKey(key.id, { owner, name: 'CI', description: null, scopes: ['messages:send'], prefix: key.prefix, mac: key.mac, days }, registry.context));
  return key;
};
const asked = (text: string, now = NOW): Promise<unknown> => authenticate({ authorization: [], apiKeys: [text], cookies: [], socket: new Socket() }, known, now)
  .then(({ principal }) => principal, (error: { code: string }) => error.code);
const NO = 'invalid_api_key';

describe('an API key', () => {
  it('is the account that made it, with its role and no more than its scopes', async () => {
    const { id, text } = issue();
    expect(await asked(text)).toEqual({ owner: OWNER, role: 'operator', scopes: ['messages:send'], credential: { kind: 'api-key', id } });
    known.accounts.set(OWNER, { ...ACTIVE, role: 'user' });
    expect(await asked(text)).toMatchObject({ role: 'user' });
  });
  it('T69 with any one character changed is refused, and so is any shorter or longer form', async () => {
    const { text } = issue();
    for (let i = 0; i < text.length; i++) expect(await asked(`${text.slice(0, i)}${text[i] === '0' ? '1' : '0'}${text.slice(i + 1)}`)).toBe(NO);
    for (const wrong of [text.slice(0, -1), `${text}0`, text.slice(0, 15), text.toUpperCase(), '', ' ', `${text}\n`, ` ${text}`, `hgt${text.slice(3)}`]) expect(await asked(wrong)).toBe(NO);
  });
  it('T69 is kept as an HMAC: what is stored cannot be shown in its place, and is nothing under another secret', async () => {
    const { id, text, mac } = issue();
    expect(JSON.stringify(registry.events(`credential-${id}`))).not.toContain(text.slice(-64));
    expect(await asked(`hgk_${id}_${Buffer.from(mac, 'base64url').toString('hex')}`)).toBe(NO);
    expect(await goodApiKey(text, { ...known, mac: () => Buffer.alloc(32) }, NOW)).toBeNull();
  });
  it('T71 counts until its last second and not from then on, also when the clock is stepped back', async () => {
    const { text } = issue(1);
    const end = NOW + DAY_MS;
    expect(await asked(text, end - 1)).toMatchObject({ owner: OWNER });
    expect(await asked(text, end)).toBe(NO);
    // a day has passed, whatever the clock says now
    known.elapsed = DAY_MS;
    expect(await asked(text, end - DAY_MS)).toBe(NO);
    // set forward by mistake and back again: it has not ended
    const other = issue(2).text;
    expect(await asked(other, end)).toMatchObject({ owner: OWNER });
    expect(await asked(other, end + 30 * DAY_MS)).toBe(NO);
    expect(await asked(other, end)).toMatchObject({ owner: OWNER });
  });
  it('T71 revoked under load: none is let in from 5 s on', async () => {
    const { id, text } = issue();
    const answers: unknown[] = [];
    for (let i = 0; i < 500; i++) {
      if (i === 250) registry.execute(new RevokeCredential(id, { reason: 'compromised' }, registry.context));
      answers.push(await asked(text));
    }
    expect(answers.slice(0, 250).every((a) => typeof a === 'object')).toBe(true);
    expect(new Set(answers.slice(250))).toEqual(new Set([NO]));
  });
  it('T71 of an account that is disabled, deleted or never was is refused', async () => {
    const { text } = issue();
    for (const status of ['disabled', 'deleted'] as const) {
      known.accounts.set(OWNER, { ...ACTIVE, status });
      expect(await asked(text)).toBe(NO);
    }
    known.accounts.delete(OWNER);
    expect(await asked(text)).toBe(NO);
    expect(await asked(issue(1, 'billing').text)).toBe(NO);
  });
});
