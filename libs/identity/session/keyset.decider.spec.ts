import { describe, expect, it } from '@jest/globals';
import type { EventOf } from '#libs/event-sourcing/event';
import { given, stateAfter } from '#libs/event-sourcing/testing/given';
import { EnsureSigningKey, keyset, RotateSigningKey } from './keyset.decider.js';
import type { KeysetEvents } from './keyset.events.js';

type KeysetEvent = EventOf<KeysetEvents, 'plain'>;
const context = { principal: 'p', correlationId: 'c', causationId: 'c' };
const DAY = 86_400_000;
const at = (day: number): string => new Date(Date.parse('2030-01-01T00:00:00.000Z') + day * DAY).toISOString();
const added = (kid: string, day: number): KeysetEvent => ({ type: 'SigningKeyAdded', data: { kid, at: at(day) } });
const retired = (kid: string, day: number): KeysetEvent => ({ type: 'SigningKeyRetired', data: { kid, at: at(day) } });
const rotate = (kid: string, retireAll = false) => new RotateSigningKey('sign-in', { kid, longestMs: 90 * DAY, retireAll }, context);

describe('the signing keys', () => {
  it('there is one from the start on', () => {
    given(keyset).when(new EnsureSigningKey('sign-in', { kid: 'k1' }, context), at(0)).then(added('k1', 0));
    given(keyset, added('k1', 0)).when(new EnsureSigningKey('sign-in', { kid: 'k2' }, context), at(0)).thenNothing();
  });
  it('a new one signs, and the one before counts for as long as anything that it signed', () => {
    given(keyset, added('k1', 0)).when(rotate('k2'), at(10)).then(added('k2', 10));
    given(keyset, added('k1', 0), added('k2', 10)).when(rotate('k3'), at(100)).then(added('k3', 100));
    given(keyset, added('k1', 0), added('k2', 10)).when(rotate('k3'), at(101)).then(added('k3', 101), retired('k1', 101));
    given(keyset, added('k1', 0)).when(rotate('k1'), at(1)).thenNothing();
  });
  it('all before it are retired at once when that is asked for', () =>
    given(keyset, added('k1', 0), added('k2', 1)).when(rotate('k3', true), at(2)).then(added('k3', 2), retired('k1', 2), retired('k2', 2)));
  it('the last one signs; retired ones are gone', () =>
    expect(stateAfter(keyset, [added('k1', 0), added('k2', 1), added('k3', 2), retired('k1', 2)])).toEqual({ keys: [{ kid: 'k2', addedAt: at(1), supersededAt: at(2) }, { kid: 'k3', addedAt: at(2), supersededAt: null }] }));
});
