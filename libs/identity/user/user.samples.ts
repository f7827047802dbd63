import type { Sealed, Stored } from '#libs/event-sourcing/sealed';
import type { UserEvents } from './user.events.js';

const STREAM = 'user-usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f';
const sealed = (field: string, type: string, revision: number, box: string, subject = 'sub_q83vEjRWeJCrze8SNFZ4kA'): Sealed<string> =>
  `s1|${subject}|kept||${field}|${type}|${revision}|${STREAM}|${box}` as unknown as Sealed<string>;
const address = 'sub_Zm9vYmFyYmF6cXV4MTIzNA';
const RESET = 'rst_0190b5a8c4e97c3a8f1d2e3b4c5d6e80';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const userSamples: { [T in keyof UserEvents]: { version: 1; data: Stored<UserEvents[T]> } } = {
  UserRegistered: {
    version: 1,
    data: {
      username: sealed('username', 'UserRegistered', 0, 'oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhA'),
      email: sealed('email', 'UserRegistered', 0, 'wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t_g4eLj5OU', address),
      fullName: sealed('fullName', 'UserRegistered', 0, '4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8AAQIDBAU'),
      role: 'operator', password: sealed('password', 'UserRegistered', 0, 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCU'),
      mustChange: true, origin: 'admin', registeredAt: '2030-01-01T00:00:00.000Z',
    },
  },
  UserProfileChanged: {
    version: 1,
    data: {
      username: sealed('username', 'UserProfileChanged', 1, 'oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhB'),
      email: null, fullName: sealed('fullName', 'UserProfileChanged', 1, '4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8AAQIDBBU'), at: '2030-01-02T00:00:00.000Z',
    },
  },
  PasswordChanged: { version: 1, data: { password: sealed('password', 'PasswordChanged', 1, 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREU'), by: 'self', mustChange: false, at: '2030-01-02T00:00:00.000Z' } },
  UserSignedOut: { version: 1, data: { of: 'tokens', reason: 'admin', at: '2030-01-03T00:00:00.000Z' } },
  UserRoleChanged: { version: 1, data: { from: 'operator', to: 'admin', at: '2030-01-04T00:00:00.000Z' } },
  UserDisabled: { version: 1, data: { reason: 'on leave', at: '2030-01-05T00:00:00.000Z' } },
  UserEnabled: { version: 1, data: { at: '2030-01-06T00:00:00.000Z' } },
  UserDeleted: { version: 1, data: { at: '2030-01-07T00:00:00.000Z' } },
  PasswordResetRequested: { version: 1, data: { reset: RESET, at: '2030-01-08T00:00:00.000Z', expiresAt: '2030-01-08T00:30:00.000Z' } },
  PasswordResetMailStarted: { version: 1, data: { reset: RESET, at: '2030-01-08T00:00:01.000Z' } },
  PasswordResetMailEnded: { version: 1, data: { reset: RESET, outcome: 'failed', problem: 'the mail server refused the address', at: '2030-01-08T00:00:02.000Z' } },
};
