import type { Sealed, Stored } from '#libs/event-sourcing/sealed';
import type { SessionEvents } from './session.events.js';

const STREAM = 'session-ses_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f';
const sealed = (field: string, type: string, revision: number, box: string): Sealed<string> =>
  `s1|sub_q83vEjRWeJCrze8SNFZ4kA|sign-ins|2030-01-01|${field}|${type}|${revision}|${STREAM}|${box}` as unknown as Sealed<string>;

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const sessionSamples: { [T in keyof SessionEvents]: { version: 1; data: Stored<SessionEvents[T]> } } = {
  SessionStarted: {
    version: 1,
    data: {
      owner: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', epoch: 2, how: 'password',
      address: sealed('address', 'SessionStarted', 0, 'oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhA'),
      userAgent: sealed('userAgent', 'SessionStarted', 0, 'wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t_g4eLj5OU'),
      startedAt: '2030-01-01T00:00:00.000Z', expiresAt: '2030-04-01T00:00:00.000Z',
    },
  },
  SessionRefreshed: { version: 1, data: { n: 1, at: '2030-01-01T00:30:00.000Z' } },
  SessionEnded: { version: 1, data: { reason: 'reuse', address: sealed('address', 'SessionEnded', 2, 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREU'), at: '2030-01-01T00:31:00.000Z' } },
};
