import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import { subjectOf, type Plain, type Sealed } from '#libs/event-sourcing/sealed';
import type { SessionEvents } from './session.events.js';

type Started = SessionEvents['SessionStarted'];
export type SessionEnd = SessionEvents['SessionEnded']['reason'];

/** Everything that is known of one sign-in. */
export interface SessionState {
  /** the user's id */
  owner: string;
  /** of the user's `sessionEpoch` at the sign-in: with another one it opens nothing */
  epoch: number;
  how: Started['how'];
  /** the number of the one refresh token that counts */
  n: number;
  address: Sealed<string>;
  userAgent: Sealed<string> | null;
  startedAt: string;
  refreshedAt: string | null;
  expiresAt: string;
  ended: { reason: SessionEnd; at: string } | null;
}

/** Somebody proved who he is. `expiresAt`: when it ends whatever happens (UTC, ISO 8601). */
export class StartSession extends StreamCommand<Omit<Plain<Started>, 'startedAt'>> {}
/**
 * Uses up the refresh token with number n. One that was used before ends the session, and the event says so: whoever calls looks at
 * the events before it answers. Give it `exclusive`, so that of two at once only one wins.
 */
export class RefreshSession extends StreamCommand<{ n: number; address: string }> {}
/** Ends it; ending it again is nothing. */
export class EndSession extends StreamCommand<{ reason: Exclude<SessionEnd, 'reuse'>; address: string | null }> {}

export const session = decider<SessionState | null, SessionEvents>()({
  stream: 'session',
  snapshotVersion: 1,
  initial: null,
  commands: { StartSession, RefreshSession, EndSession },
  decide: {
    StartSession: (state, data, now) => {
      if (state) throw new Refusal('conflict', 'There is already another session with this id.');
      if (data.expiresAt <= now) throw new Refusal('session_ended');
      return [{ type: 'SessionStarted', data: { ...data, startedAt: now } }];
    },
    RefreshSession: (state, { n, address }, now) => {
      if (!state || n > state.n) throw new Refusal('invalid_token');
      if (state.ended || now >= state.expiresAt) throw new Refusal('session_ended');
      // two hold what one should have: nobody can say which of them is the right one
      if (n < state.n) return [{ type: 'SessionEnded', data: { reason: 'reuse', address, at: now } }];
      return [{ type: 'SessionRefreshed', data: { n: n + 1, at: now } }];
    },
    EndSession: (state, { reason, address }, now) => {
      if (!state) throw new Refusal('not_found');
      return state.ended ? [] : [{ type: 'SessionEnded', data: { reason, address, at: now } }];
    },
  },
  seal: {
    SessionStarted: (data, by) => {
      const whose = { kind: 'account', value: data.owner } as const;
      return { ...data, address: by.seal('address', data.address, whose), userAgent: by.seal('userAgent', data.userAgent, whose) };
    },
    SessionEnded: (data, by, state) => ({ ...data, address: by.seal('address', data.address, { kind: 'account', value: state!.owner }) }),
  },
  period: (state, event) => ({ category: 'sign-ins', day: (event.type === 'SessionStarted' ? event.data.startedAt : state!.startedAt).slice(0, 10) }),
  evolve: {
    SessionStarted: (_, { owner, epoch, how, address, userAgent, startedAt, expiresAt }) => ({ owner, epoch, how, n: 0, address, userAgent, startedAt, refreshedAt: null, expiresAt, ended: null }),
    SessionRefreshed: (state, { n, at }) => state && { ...state, n, refreshedAt: at },
    SessionEnded: (state, { reason, at }) => state && { ...state, ended: { reason, at } },
  },
  tags: (state) => {
    if (!state) throw new Error('a session has an owner from its first event on');
    const subject = subjectOf(state.address);
    return { owner: state.owner, acceptedAt: state.startedAt, ...(subject === null ? {} : { subjects: [subject] }) };
  },
});
