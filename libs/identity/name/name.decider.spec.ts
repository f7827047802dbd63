import { describe, it, expect } from '@jest/globals';
import fc from 'fast-check';
import type { EventOf } from '#libs/event-sourcing/event';
import { given, stateAfter } from '#libs/event-sourcing/testing/given';
import { by } from '#libs/event-sourcing/testing/rooms';
import { CLAIM_MS, ClaimName, name, ReleaseName, type NameState } from './name.decider.js';
import type { NameEvents } from './name.events.js';

type Decided = EventOf<NameEvents, 'plain'>;
const START = Date.parse('2030-01-01T00:00:00.000Z');
const at = (ms: number): string => new Date(START + ms).toISOString();
const c = by('test');
const claimed = (user: string, ms = 0): Decided => ({ type: 'NameClaimed', data: { user, kind: 'username', at: at(ms) } });
const released = (user: string, ms = 0, reason: 'changed' | 'user-deleted' | 'not-used' = 'not-used'): Decided => ({ type: 'NameReleased', data: { user, reason, at: at(ms) } });
const claim = (user: string, instead?: { user: string; why: 'user-deleted' | 'not-used' }): ClaimName => new ClaimName('1', { user, kind: 'username', ...(instead ? { instead } : {}) }, c);

describe('a name', () => {
  it('is the first one\'s who claims it', () => {
    given(name).when(claim('a'), at(0)).then(claimed('a'));
    given(name, claimed('a')).when(claim('b'), at(1)).thenRefused('name_taken');
    given(name, claimed('a'), released('a')).when(claim('b'), at(1)).then(claimed('b', 1));
  });
  it('claimed again by its holder counts anew', () => {
    given(name, claimed('a')).when(claim('a'), at(14_999)).thenNothing();
    given(name, claimed('a')).when(claim('a'), at(15_000)).then(claimed('a', 15_000));
  });
  it('that nobody is called by may be taken after a minute; that of a deleted one at once', () => {
    given(name, claimed('a')).when(claim('b', { user: 'a', why: 'not-used' }), at(CLAIM_MS - 1)).thenRefused('name_taken');
    given(name, claimed('a')).when(claim('b', { user: 'a', why: 'not-used' }), at(CLAIM_MS)).then(released('a', CLAIM_MS), claimed('b', CLAIM_MS));
    given(name, claimed('a')).when(claim('b', { user: 'a', why: 'user-deleted' }), at(1)).then(released('a', 1, 'user-deleted'), claimed('b', 1));
  });
  it('is not taken from another than was looked at', () => {
    given(name, claimed('c')).when(claim('b', { user: 'a', why: 'user-deleted' }), at(2 * CLAIM_MS)).thenRefused('name_taken');
  });
  it('is let go of by its holder alone, once', () => {
    const release = new ReleaseName('1', { user: 'a', reason: 'changed' }, c);
    given(name, claimed('a')).when(release, at(1)).then(released('a', 1, 'changed'));
    given(name, claimed('a'), released('a')).when(release, at(1)).thenNothing();
    given(name, claimed('b')).when(release, at(1)).thenNothing();
    given(name).when(release, at(1)).thenNothing();
  });
  it('has one holder at a time, whatever comes', () => {
    const user = fc.constantFrom('a', 'b', 'c');
    const step = fc.record({ user, instead: fc.option(fc.record({ user, why: fc.constantFrom('not-used' as const, 'user-deleted' as const) }), { nil: undefined }), release: fc.boolean(), after: fc.integer({ min: 0, max: 70_000 }) });
    fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const past: { type: string; data: unknown }[] = [];
      let now = 0;
      for (const { user: who, instead, release, after } of steps) {
        now += after;
        const before = stateAfter<NameState | null>(name, past);
        let decided: Decided[] = [];
        try {
          decided = release ? name.decide.ReleaseName(before, { user: who, reason: 'changed' }, at(now), '1') : name.decide.ClaimName(before, { user: who, kind: 'username', instead: instead ?? null }, at(now), '1');
        } catch { /* refused: nothing is appended */ }
        past.push(...decided);
        const held = stateAfter<NameState | null>(name, past);
        // it passes from one to another only by being let go of
        if (before?.held && held?.held && before.user !== held.user) expect(decided.map((e) => e.type)).toEqual(['NameReleased', 'NameClaimed']);
        if (before?.held && before.user !== who && instead?.user !== before.user) expect(held).toEqual(before);
      }
    }));
  });
});
