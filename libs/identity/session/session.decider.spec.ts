import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EventOf } from '#libs/event-sourcing/event';
import { given, stateAfter } from '#libs/event-sourcing/testing/given';
import { EndSession, RefreshSession, session, StartSession } from './session.decider.js';
import type { SessionEvents } from './session.events.js';

type SessionEvent = EventOf<SessionEvents, 'plain'>;
const context = { principal: 'p', correlationId: 'c', causationId: 'c' };
const ID = 'ses_1';
const at = (s: number): string => new Date(Date.parse('2030-01-01T00:00:00.000Z') + s * 1_000).toISOString();
const data = { owner: 'usr_1', epoch: 3, how: 'password' as const, address: '192.0.2.1', userAgent: 'spec', expiresAt: at(1_000) };
const started: SessionEvent = { type: 'SessionStarted', data: { ...data, startedAt: at(0) } };
const refreshed = (n: number, s: number): SessionEvent => ({ type: 'SessionRefreshed', data: { n, at: at(s) } });
const ended: SessionEvent = { type: 'SessionEnded', data: { reason: 'logout', address: null, at: at(9) } };
const refresh = (n: number) => new RefreshSession(ID, { n, address: '192.0.2.9' }, context);
const end = (reason: 'logout' | 'asked' | 'admin' = 'asked') => new EndSession(ID, { reason, address: '192.0.2.1' }, context);

describe('a session', () => {
  it('starts once', () => {
    given(session).when(new StartSession(ID, data, context), at(0)).then(started);
    given(session, started).when(new StartSession(ID, data, context), at(1)).thenRefused('conflict');
    given(session).when(new StartSession(ID, { ...data, expiresAt: at(0) }, context), at(0)).thenRefused('session_ended');
  });
  it('takes its one refresh token, and gives the next', () => {
    given(session, started).when(refresh(0), at(1)).then(refreshed(1, 1));
    given(session, started, refreshed(1, 1)).when(refresh(1), at(2)).then(refreshed(2, 2));
  });
  it('T03 ends when a used refresh token comes again, and says from where', () =>
    given(session, started, refreshed(1, 1)).when(refresh(0), at(2)).then({ type: 'SessionEnded', data: { reason: 'reuse', address: '192.0.2.9', at: at(2) } }));
  it('takes nothing once it has ended, by its time or by somebody', () => {
    given(session, started, ended).when(refresh(0), at(10)).thenRefused('session_ended');
    given(session, started).when(refresh(0), at(1_000)).thenRefused('session_ended');
    given(session).when(refresh(0), at(1)).thenRefused('invalid_token');
    given(session, started).when(refresh(1), at(1)).thenRefused('invalid_token');
  });
  it('ends once', () => {
    given(session, started).when(end('admin'), at(4)).then({ type: 'SessionEnded', data: { reason: 'admin', address: '192.0.2.1', at: at(4) } });
    given(session, started, ended).when(end(), at(10)).thenNothing();
    given(session).when(end(), at(4)).thenRefused('not_found');
  });
  it('is tagged with its owner and whose address it holds', () =>
    expect(session.tags(stateAfter(session, [started]))).toEqual({ owner: 'usr_1', acceptedAt: at(0), subjects: ['sub_usr_1'] }));

  it('property: of each refresh token one use gives a next one, and after a second use nothing does', () => fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 12 }), (tries) => {
    const past: SessionEvent[] = [started];
    const used = new Set<number>();
    let over = false;
    tries.forEach((n, i) => {
      let events: SessionEvent[] = [];
      try { events = session.decide.RefreshSession(stateAfter(session, past), { n, address: 'a' }, at(i), ID); } catch { /* refused */ }
      const next = events[0]?.type === 'SessionRefreshed';
      expect(next).toBe(!over && n === used.size);
      if (next) used.add(n);
      if (!over && n < used.size && !next) over = true;
      past.push(...events);
    });
    expect(stateAfter(session, past)?.ended !== null).toBe(over);
    expect(past.filter((e) => e.type === 'SessionEnded').length).toBe(over ? 1 : 0);
  })));
});
