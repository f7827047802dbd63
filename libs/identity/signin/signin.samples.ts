import type { Sealed, Stored } from '#libs/event-sourcing/sealed';
import type { SigninEvents } from './signin.events.js';

const STREAM = 'signin-sig_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f';
const sealed = (field: string, subject: string, box: string): Sealed<string> =>
  `s1|${subject}|sign-ins|2030-01-01|${field}|SigninsRefused|0|${STREAM}|${box}` as unknown as Sealed<string>;
const KNOWN = 'sub_q83vEjRWeJCrze8SNFZ4kA', STRANGERS = 'sub_AAECAwQFBgcICQoLDA0ODw';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const signinSamples: { [T in keyof SigninEvents]: { version: 1; data: Stored<SigninEvents[T]> } } = {
  SigninsRefused: {
    version: 1,
    data: {
      entries: [
        { user: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', reason: 'password', address: sealed('entries.0.address', KNOWN, 'oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhA'), userAgent: sealed('entries.0.userAgent', KNOWN, 'wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t_g4eLj5OU'), at: '2030-01-01T00:00:00.100Z' },
        { user: null, reason: 'unknown', address: sealed('entries.1.address', STRANGERS, 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREU'), userAgent: null, at: '2030-01-01T00:00:00.200Z' },
      ],
      at: '2030-01-01T00:00:01.000Z',
    },
  },
};
