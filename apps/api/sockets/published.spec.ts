import { describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '#libs/event-sourcing/event';
import type { CredentialKind, Principal, Role } from '#libs/identity/principal';
import { sessionSamples } from '#libs/identity/session/session.samples';
import { userSamples } from '#libs/identity/user/user.samples';
import { messageSamples } from '#libs/messaging/message/message.samples';
import { EVENT_PATTERN, maySee, published, PUBLISHED_PREFIXES, wanted } from './published.js';

type Samples = Record<string, { version: number; data: unknown }>;
const stored = (category: string, samples: Samples): StoredEvent[] => Object.entries(samples).map(([type, { version, data }], i) => ({
  id: `evt_${i}`, type, version, data, stream: `${category}-${category.slice(0, 3)}_1`, revision: i, position: `000${i}`, tags: { owner: 'billing', parent: 'run_1' },
  metadata: { correlationId: 'c', causationId: 'c', principal: 'local:x', at: '2030-01-01T00:00:00.000Z' },
}));
const all = [...stored('message', messageSamples as Samples), ...stored('user', userSamples as Samples), ...stored('session', sessionSamples as Samples)];
const frames = all.flatMap((event) => { const told = published(event); return told ? [told] : []; });

describe('what is told', () => {
  it('of every event that there is: these frames, and no others', () => {
    const base = (type: string, i: number): object => ({ type: `message.${type}`, position: `000${i}`, at: '2030-01-01T00:00:00.000Z', id: 'mes_1', batch: 'run_1', status: type });
    expect(frames.map(({ frame }) => frame)).toEqual([
      { ...base('queued', 0), channel: 'sms', gateway: 'sms', segments: 1, next_attempt_at: '2030-01-01T00:00:00.000Z' },
      { ...base('sending', 1), attempt: 1, gateway: 'sms' },
      { ...base('sent', 2), attempt: 2, gateway: 'sms' },
      { ...base('retrying', 3), attempt: 1, gateway: 'sms', problem: 'status', next_attempt_at: '2030-01-01T00:00:02.200Z' },
      { ...base('unknown', 4), attempt: 1, gateway: 'sms', problem: 'timeout', next_attempt_at: null },
      { ...base('retrying', 5), attempt: 1, gateway: 'sms', next_attempt_at: '2030-01-01T00:00:06.000Z' },
      { ...base('dead', 6), reason: 'attempts' },
      base('expired', 7),
      { ...base('cancelled', 9), reason: 'asked' },
      { type: 'user.created', position: '0000', at: '2030-01-01T00:00:00.000Z', user_id: 'use_1', role: expect.any(String), origin: expect.any(String) },
      { type: 'user.login', position: '0000', at: '2030-01-01T00:00:00.000Z', user_id: expect.any(String), how: expect.any(String) },
    ]);
  });
  it('nothing sealed, nobody\'s name, number, address or text', () => {
    expect(all.some((event) => JSON.stringify(event.data).includes('s1|'))).toBe(true);
    expect(JSON.stringify(frames)).not.toContain('s1|');
  });
  it('nothing of a late word that moves nothing, and nothing of other streams', () => {
    const [sent] = stored('message', { AttemptSent: messageSamples.AttemptSent } as Samples);
    expect(published({ ...sent!, data: { ...(sent!.data as object), late: true, from: 'dead', to: 'dead' } })).toBeNull();
    for (const stream of ['credential-x', 'settings-all', 'batch-x', 'constructor-x', '__proto__-x']) expect(published({ ...sent!, stream })).toBeNull();
    expect(published({ ...sent!, type: 'toString' })).toBeNull();
    expect(PUBLISHED_PREFIXES).toEqual(['message-', 'user-', 'session-']);
  });
});

const somebody = (role: Role, scopes: string[] | null = null, owner = 'billing', kind: CredentialKind = scopes ? 'api-key' : 'access-token'): Principal => ({ owner, role, scopes, credential: { kind, id: 'x' } });
const about = (type: string): (typeof frames)[number] => frames.find(({ frame }) => frame.type === type)!;

describe('who is told', () => {
  it.each<[string, Principal, string, boolean]>([
    ['the owner, of a message', somebody('user'), 'message.sent', true],
    ['somebody else', somebody('user', null, 'sales'), 'message.sent', false],
    ['an administrator, of somebody else\'s message', somebody('admin', null, 'ops'), 'message.sent', false],
    ['a key of the owner that may read messages', somebody('user', ['live:read', 'messages:read']), 'message.sent', true],
    ['a key of the owner with all of messages', somebody('user', ['messages:*']), 'message.sent', true],
    ['a key of the owner that may only listen', somebody('user', ['live:read']), 'message.sent', false],
    ['an administrator, of a new account', somebody('admin'), 'user.created', true],
    ['an administrator, of a sign-in', somebody('admin'), 'user.login', true],
    ['an operator', somebody('operator'), 'user.login', false],
    ['a user', somebody('user'), 'user.created', false],
    ['a key of an administrator without the scope', somebody('admin', ['live:read', 'messages:*']), 'user.login', false],
  ])('%s', (_, principal, type, may) => { expect(maySee(principal, about(type))).toBe(may); });
});

describe('patterns', () => {
  it.each<[string[], string, boolean]>([
    [['*'], 'message.sent', true], [['message.*'], 'message.sent', true], [['message.sent'], 'message.sent', true], [['message.sent'], 'message.sending', false], [['message'], 'message.sent', false],
    [['user.*'], 'message.sent', false], [['a.*'], 'a.b.c', true], [['a.b.*'], 'a.b', false], [['a.b.*'], 'a.b.c', true], [[], 'a', false], [['mess*'], 'message.sent', false],
  ])('%p of %s: %p', (patterns, name, holds) => { expect(wanted(new Set(patterns), name)).toBe(holds); });
  it('are names with dots, and a star as the last part or alone', () => {
    for (const good of ['*', 'a', 'message.*', 'inventory.low_stock', 'a-b.c9']) expect([good, EVENT_PATTERN.test(good)]).toEqual([good, true]);
    for (const bad of ['', '.', 'a.', '.a', 'a..b', '*.a', 'a.*.b', 'a*', '**', 'A', 'a b', 'ä', 'a.**']) expect([bad, EVENT_PATTERN.test(bad)]).toEqual([bad, false]);
  });
});
