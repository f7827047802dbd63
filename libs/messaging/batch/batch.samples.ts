import type { Sealed, Stored } from '#libs/event-sourcing/sealed';
import type { BatchEvents } from './batch.events.js';

const sealed = (field: string, box: string): Sealed<string> =>
  `s1|sub_q83vEjRWeJCrze8SNFZ4kA|messages.batch|2030-01-01|${field}|BatchItemsAdded|0|batch-bat_0193f2c0a1b27c3d8e4f5a6b7c8d9e0f|${box}` as unknown as Sealed<string>;

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const batchSamples: { [T in keyof BatchEvents]: { version: 1; data: Stored<BatchEvents[T]> } } = {
  BatchItemsAdded: {
    version: 1,
    data: {
      owner: 'billing', chunk: 0, fingerprint: 'm1Jm3nTXb7e5TZ4m0a3H0M3oVbq1l7vS0lJtN9yq3cE', at: '2030-01-01T00:00:00.000Z',
      terms: { sms: { policy: { kind: 'exponential', minMs: 2000, maxMs: 10000, attempts: 3, spanMs: 86400000, jitter: 0 }, deadlineMs: 30000, onUnknown: 'retry', receipts: false } },
      items: [
        {
          index: 0, channel: 'sms', gateway: 'sms', address: 'number', recipient: sealed('items.0.recipient', 'oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhA'),
          body: sealed('items.0.body', 'wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t_g4eLj5OU'), metadata: null, segments: 1, sendAt: null, expiresAt: null,
        },
        {
          index: 2, channel: 'sms', gateway: 'sms', address: 'number', recipient: sealed('items.2.recipient', 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREU'),
          body: sealed('items.2.body', 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCU'), metadata: sealed('items.2.metadata', '4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8AAQIDBAU'),
          segments: 2, sendAt: '2030-01-01T12:00:00.000Z', expiresAt: '2030-01-02T00:00:00.000Z',
        },
      ],
    },
  },
  BatchAccepted: { version: 1, data: { count: 2, chunks: 1, at: '2030-01-01T00:00:00.010Z' } },
  BatchPartsMade: { version: 1, data: { chunks: 1, made: 2, skipped: [2], at: '2030-01-01T00:00:00.020Z' } },
};
