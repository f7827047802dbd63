/** What is on disk keeps its shape: a sample of every event type and version, folded by this build, equal to what was recorded. */
import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AnyDecider } from '#libs/event-sourcing/decider';
import type { StoredEvent } from '#libs/event-sourcing/event';
import { house } from '#libs/event-sourcing/house/house.decider';
import { houseSamples } from '#libs/event-sourcing/house/house.samples';
import { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import { looksSealed, parseSealed } from '#libs/event-sourcing/sealed';
import { credential } from '#libs/identity/credential/credential.decider';
import { credentialSamples } from '#libs/identity/credential/credential.samples';
import { name } from '#libs/identity/name/name.decider';
import { nameSamples } from '#libs/identity/name/name.samples';
import { stepdown } from '#libs/identity/stepdown/stepdown.decider';
import { stepdownSamples } from '#libs/identity/stepdown/stepdown.samples';
import { keyset } from '#libs/identity/session/keyset.decider';
import { keysetSamples } from '#libs/identity/session/keyset.samples';
import { session } from '#libs/identity/session/session.decider';
import { sessionSamples } from '#libs/identity/session/session.samples';
import { signin } from '#libs/identity/signin/signin.decider';
import { signinSamples } from '#libs/identity/signin/signin.samples';
import { user } from '#libs/identity/user/user.decider';
import { userSamples } from '#libs/identity/user/user.samples';
import { keyuse } from '#libs/identity/keyuse/keyuse.decider';
import { keyuseSamples } from '#libs/identity/keyuse/keyuse.samples';
import { batch } from '#libs/messaging/batch/batch.decider';
import { batchSamples } from '#libs/messaging/batch/batch.samples';
import { look } from '#libs/messaging/look/look.decider';
import { lookSamples } from '#libs/messaging/look/look.samples';
import { message } from '#libs/messaging/message/message.decider';
import { messageSamples } from '#libs/messaging/message/message.samples';
import { settings } from '#libs/settings/settings.decider';
import { settingsSamples } from '#libs/settings/settings.samples';
import { messageLog } from '#projections/message-log/message-log.projection';

type Sample = { version: number; data: unknown };
/** by type: a sample, or one for each version, oldest first */
type Samples = Record<string, Sample | readonly Sample[]>;
const CATALOGUES: readonly [AnyDecider, Samples][] = [[message, messageSamples], [look, lookSamples], [batch, batchSamples], [settings, settingsSamples], [credential, credentialSamples], [keyuse, keyuseSamples], [session, sessionSamples], [keyset, keysetSamples], [signin, signinSamples], [user, userSamples], [name, nameSamples], [stepdown, stepdownSamples], [house, houseSamples]];
const ALL = CATALOGUES.flatMap(([d, samples]) => Object.entries(samples).flatMap(([type, one]) => [one].flat().map((sample) => ({ d, type, ...sample, key: `${type}@${sample.version}` }))));
const META = { revision: 1, metadata: { correlationId: 'c', causationId: 'c', principal: 'p', at: '2030-01-01T00:00:00.000Z' } };

const root = fileURLToPath(new URL('../..', import.meta.url));
const recorded = JSON.parse(readFileSync(fileURLToPath(new URL('./events.json', import.meta.url)), 'utf8')) as Record<string, string>;

/** The same as ops/check/golden.mjs takes: JSON with its names in order. */
const ordered = (value: unknown): unknown => (Array.isArray(value) ? value.map(ordered)
  : value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, ordered(v)])) : value);
const fingerprint = (data: unknown): string => createHash('sha256').update(JSON.stringify(ordered(data))).digest('hex').slice(0, 32);

/** In a sentence, what is wrong with a sample; null where it is the recorded one. */
const drift = (key: string, data: unknown, known: Record<string, string>): string | null =>
  !(key in known) ? `${key} has a sample that is not recorded yet (npm run docs)`
    : known[key] === fingerprint(data) ? null
    : `${key} has changed: what is stored keeps its shape. Put the sample back, and give the new shape a new version with an upcast`;

const sealedIn = (value: unknown): unknown[] => (looksSealed(value) ? [value] : value !== null && typeof value === 'object' ? Object.values(value).flatMap(sealedIn) : []);

describe('golden events', () => {
  it('every catalogue is looked at', () => {
    const found = readdirSync(`${root}/libs`, { recursive: true, encoding: 'utf8' });
    const names = (suffix: string): string[] => found.filter((f) => f.endsWith(suffix)).map((f) => f.slice(f.lastIndexOf('/') + 1, -suffix.length)).sort();
    expect(names('.events.ts')).toEqual(CATALOGUES.map(([d]) => d.stream).sort());
    expect(names('.samples.ts')).toEqual(names('.events.ts'));
  });
  it.each(CATALOGUES.map(([d, samples]) => ({ stream: d.stream, d, samples })))('every version of every type of $stream has a sample', ({ d, samples }) => {
    expect(Object.keys(samples).sort()).toEqual(Object.keys(d.evolve).sort());
    for (const [type, one] of Object.entries(samples)) {
      const newest = d.versions?.[type] ?? 1;
      expect({ type, versions: [one].flat().map((s) => s.version) }).toEqual({ type, versions: Array.from({ length: newest }, (_, i) => i + 1) });
    }
  });
  it.each(ALL)('$key is as it was recorded', ({ key, data }) => expect(drift(key, data, recorded)).toBeNull());
  it('nothing recorded has lost its sample', () => expect(Object.keys(recorded).sort()).toEqual(ALL.map((s) => s.key).sort()));
  it('a changed sample is found, and the sentence says what to do', () => {
    const { key, data } = ALL[0]!;
    expect(drift(key, { ...(data as object), owner: 'another' }, recorded)).toBe('MessageAccepted@1 has changed: what is stored keeps its shape. Put the sample back, and give the new shape a new version with an upcast');
    expect(drift('MessageAccepted@2', data, recorded)).toContain('not recorded yet');
  });
  it.each(ALL)('$key folds today, in its newest version', ({ d, type, version, data }) => {
    const registry = new EventRegistry([d]);
    const folded = (state: unknown, t: string, s: Sample, revision: number): unknown =>
      (d.evolve[t] as (state: unknown, data: unknown, event: unknown) => unknown)(state, registry.known({ stream: `${d.stream}-1`, type: t, ...s } as StoredEvent).data, { ...META, revision });
    const first = Object.keys(d.evolve)[0]!;
    const [, samples] = CATALOGUES.find(([c]) => c === d)!;
    const before = type === first ? d.initial : folded(d.initial, first, [samples[first]!].flat()[0]!, 0);
    const after = folded(before, type, { version, data }, 1);
    expect(after).not.toEqual(before);
    expect(JSON.parse(JSON.stringify(after))).toEqual(after);
    expect(d.tags(after).owner).toMatch(/^(billing|usr_[0-9a-f]{32}|[a-z]+:[a-z-]+)$/);
  });
  it('the message log takes every event of a message', () => {
    const stream = 'message-msg_1';
    const event = (type: string, revision: number): never => ({ type, stream, revision, data: messageSamples[type as keyof typeof messageSamples].data } as never);
    const first = messageLog.fold(null, event('MessageAccepted', 0), 'msg_1');
    for (const type of Object.keys(messageSamples).slice(1)) expect(messageLog.fold(first, event(type, 1), 'msg_1')).toMatchObject({ owner: 'billing' });
  });
  it.each(ALL)('$key: what is sealed names the event', ({ d, type, data }) => {
    for (const value of sealedIn(data)) expect(parseSealed(value as never)).toMatchObject({ fields: { type, stream: expect.stringMatching(`^${d.stream}-`) } });
  });
});
