import type { Sealed, Stored } from '#libs/event-sourcing/sealed';
import type { MessageEvents } from './message.events.js';

const STREAM = 'message-msg_0193f2c0a1b27c3d8e4f5a6b7c8d9e0f';
const sealed = (field: string, type: string, revision: number, box: string): Sealed<string> =>
  `s1|sub_q83vEjRWeJCrze8SNFZ4kA|messages.sms|2030-01-01|${field}|${type}|${revision}|${STREAM}|${box}` as unknown as Sealed<string>;

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const messageSamples: { [T in keyof MessageEvents]: { version: 1; data: Stored<MessageEvents[T]> } } = {
  MessageAccepted: {
    version: 1,
    data: {
      owner: 'billing', channel: 'sms', gateway: 'sms', address: 'number',
      recipient: sealed('recipient', 'MessageAccepted', 0, 'oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhA'),
      sender: null,
      body: sealed('body', 'MessageAccepted', 0, 'wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t_g4eLj5OU'),
      segments: 1, fingerprint: 'm1Jm3nTXb7e5TZ4m0a3H0M3oVbq1l7vS0lJtN9yq3cE', shape: 'native',
      acceptedAt: '2030-01-01T00:00:00.000Z', sendAt: '2030-01-01T00:00:00.000Z', expiresAt: '2030-01-02T00:00:00.000Z',
      policy: { kind: 'exponential', minMs: 2000, maxMs: 10000, attempts: 3, spanMs: 86400000, jitter: 0 },
      deadlineMs: 30000, onUnknown: 'retry', receipts: false,
      metadata: sealed('metadata', 'MessageAccepted', 0, '4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8AAQIDBAU'),
      batch: null, to: 'queued',
    },
  },
  AttemptStarted: { version: 1, data: { n: 1, gateway: 'sms', startedAt: '2030-01-01T00:00:00.100Z', from: 'queued', to: 'sending' } },
  AttemptSent: {
    version: 1,
    data: {
      n: 2, gateway: 'sms', status: 200, providerRef: 'sms-17', answer: sealed('answer', 'AttemptSent', 4, 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCU'),
      finishedAt: '2030-01-01T00:00:02.300Z', durationMs: 42, late: false, from: 'sending', to: 'sent',
    },
  },
  AttemptFailed: {
    version: 1,
    data: {
      n: 1, gateway: 'sms', problem: 'status', status: 503, answer: sealed('answer', 'AttemptFailed', 2, 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREU'),
      temporary: true, retryAt: '2030-01-01T00:00:02.200Z', finishedAt: '2030-01-01T00:00:00.200Z', durationMs: 100, late: false, from: 'sending', to: 'retrying',
    },
  },
  AttemptUnknown: {
    version: 1,
    data: { n: 1, gateway: 'sms', problem: 'timeout', status: null, answer: null, retryAt: null, finishedAt: '2030-01-01T00:00:30.100Z', from: 'sending', to: 'unknown' },
  },
  AttemptNotMade: {
    version: 1,
    data: { n: 1, gateway: 'sms', reason: 'the call could not begin in time', retryAt: '2030-01-01T00:00:06.000Z', finishedAt: '2030-01-01T00:00:06.000Z', from: 'sending', to: 'retrying' },
  },
  MessageDead: { version: 1, data: { reason: 'attempts', at: '2030-01-01T00:00:12.000Z', from: 'retrying', to: 'dead' } },
  MessageExpired: { version: 1, data: { at: '2030-01-02T00:00:00.000Z', from: 'queued', to: 'expired' } },
  CancelRequested: { version: 1, data: { at: '2030-01-01T00:00:00.150Z', by: 'billing', reason: 'asked' } },
  MessageCancelled: { version: 1, data: { at: '2030-01-01T00:00:01.000Z', reason: 'asked', by: 'billing', from: 'retrying', to: 'cancelled' } },
};
