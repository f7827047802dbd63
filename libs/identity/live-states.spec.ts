import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CredentialRegistry } from './testing/credential-registry.js';
import { IssueApiToken, RevokeCredential, type CredentialState } from './credential/credential.decider.js';
import { liveStates, type LiveStatesOptions } from './live-states.js';

let registry: CredentialRegistry;
beforeEach(() => { registry = new CredentialRegistry(() => new Date('2030-01-01T00:00:00.000Z')); });
const liveCredentials = (options: Omit<LiveStatesOptions<CredentialState>, 'category'>) => liveStates({ category: 'credential', ...options });
const newId = (): string => randomBytes(16).toString('hex');
const issue = (id = newId()): string => {
  registry.execute(new IssueApiToken(id, { owner: 'billing', role: 'user', sha256: 'a'.repeat(64), expiresAt: null }, registry.context));
  return id;
};
const revoke = (id: string) => registry.execute(new RevokeCredential(id, { reason: 'requested' }, registry.context));

describe('a live look-up', () => {
  it('reads a credential once, for all who ask at the same time and later', async () => {
    const live = liveCredentials({ load: registry.load });
    const id = issue();
    const all = await Promise.all(Array.from({ length: 100 }, () => live.find(id)));
    expect(new Set(all).size).toBe(1);
    expect(await live.find(id)).toBe(all[0]);
    expect(registry.loads).toHaveLength(1);
  });
  it('reads anew what an event changed, and nothing else', async () => {
    const live = liveCredentials({ load: registry.load });
    registry.follow(live.onEvent);
    const [one, other] = [issue(), issue()];
    await Promise.all([live.find(one), live.find(other)]);
    revoke(one);
    live.onEvent({ stream: `message-${other}` });
    expect((await live.find(one))?.revoked).toEqual({ at: '2030-01-01T00:00:00.000Z', reason: 'requested' });
    expect((await live.find(other))?.revoked).toBeNull();
    expect(registry.loads).toEqual([`credential-${one}`, `credential-${other}`, `credential-${one}`]);
  });
  it('does not keep, nor answer, what was read before an event that came while it was read', async () => {
    const id = issue();
    let release!: () => void;
    const held = new Promise<void>((resolve) => { release = resolve; });
    let first = true;
    const live = liveCredentials({
      load: async (stream) => {
        const state = await registry.load(stream);
        if (first) { first = false; await held; }
        return state;
      },
    });
    registry.follow(live.onEvent);
    const asked = live.find(id);
    revoke(id);
    const meanwhile = live.find(id);
    release();
    for (const answer of [await asked, await meanwhile, await live.find(id)]) expect(answer?.revoked).not.toBeNull();
    expect(registry.loads).toHaveLength(2);
  });
  it('forgets an unknown id soon, in case nobody tells of its issue', async () => {
    let now = 0;
    const live = liveCredentials({ load: registry.load, monotonic: () => now });
    const id = newId();
    expect([await live.find(id), await live.find(id)]).toEqual([null, null]);
    expect(registry.loads).toHaveLength(1);
    issue(id);
    expect(await live.find(id)).toBeNull();
    now = 2_001;
    expect((await live.find(id))?.owner).toBe('billing');
  });
  it('holds so many and no more, and strangers push nobody out', async () => {
    const live = liveCredentials({ load: registry.load, most: 3 });
    const ids = [issue(), issue(), issue()];
    for (const id of ids) await live.find(id);
    for (let i = 0; i < 100; i++) await live.find(newId());
    registry.loads.length = 0;
    for (const id of ids) await live.find(id);
    expect(registry.loads).toEqual([]);
    await live.find(issue());
    await live.find(ids[0]!);
    expect(registry.loads).toHaveLength(2);
  });
  it('keeps no failure: the next who asks reads again', async () => {
    const id = issue();
    const failures = [new Error('the log does not answer')];
    const live = liveCredentials({ load: async (stream): Promise<CredentialState | null> => { const failure = failures.pop(); if (failure) throw failure; return registry.load(stream); } });
    await expect(live.find(id)).rejects.toThrow('does not answer');
    expect((await live.find(id))?.owner).toBe('billing');
  });
});
