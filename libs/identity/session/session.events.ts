import type { Sensitive } from '#libs/event-sourcing/sealed';

/**
 * One sign-in and all that hangs on it, in the stream `session-{id}`: the portal's cookie, the access tokens and the family
 * of refresh tokens. None of their texts is kept: they are signed, and name the session.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type SessionEvents = {
  SessionStarted: {
    /** the user's id */
    owner: string;
    /** counts how often all of the user's sessions were ended before: one of an earlier count opens nothing */
    epoch: number;
    how: 'password' | 'reset' | 'sign-up';
    /** where from, as the listener saw it */
    address: Sensitive<string>;
    userAgent: Sensitive<string> | null;
    startedAt: string;
    /** when it ends whatever happens (UTC, ISO 8601) */
    expiresAt: string;
  };
  /** The refresh token with number n - 1 was used: from now on only number n counts. */
  SessionRefreshed: { n: number; at: string };
  /** `reuse`: a refresh token came a second time, so two hold what one should: the whole family ends. */
  SessionEnded: { reason: 'logout' | 'reuse' | 'asked' | 'admin'; address: Sensitive<string> | null; at: string };
};
