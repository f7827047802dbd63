import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import type { KeysetEvents } from './keyset.events.js';

/** One key that is good for checking. */
export interface SigningKey {
  kid: string;
  addedAt: string;
  /** when a newer one began to sign in its place; null: it signs */
  supersededAt: string | null;
}
export interface KeysetState {
  /** oldest first; the last one signs. Retired ones are gone */
  keys: SigningKey[];
}

/** Adds the first key where there is none. */
export class EnsureSigningKey extends StreamCommand<{ kid: string }> {}
/**
 * A new key signs from now on. The others go on counting for what they signed, but those that were superseded longer ago than
 * anything they signed can live (`longestMs`) are retired; `retireAll` retires all of them now, so that everybody signs in anew.
 */
export class RotateSigningKey extends StreamCommand<{ kid: string; longestMs: number; retireAll: boolean }> {}

export const keyset = decider<KeysetState, KeysetEvents>()({
  stream: 'keyset',
  snapshotVersion: 1,
  initial: { keys: [] },
  commands: { EnsureSigningKey, RotateSigningKey },
  decide: {
    EnsureSigningKey: ({ keys }, { kid }, now) => (keys.length > 0 ? [] : [{ type: 'SigningKeyAdded', data: { kid, at: now } }]),
    RotateSigningKey: ({ keys }, { kid, longestMs, retireAll }, now) => {
      if (keys.some((k) => k.kid === kid)) return [];
      const over = (k: SigningKey): boolean => retireAll || (k.supersededAt !== null && Date.parse(k.supersededAt) + longestMs < Date.parse(now));
      return [
        { type: 'SigningKeyAdded' as const, data: { kid, at: now } },
        ...keys.filter(over).map((k) => ({ type: 'SigningKeyRetired' as const, data: { kid: k.kid, at: now } })),
      ];
    },
  },
  // ids of keys, and no person's
  period: () => ({ category: 'kept', day: '' }),
  evolve: {
    SigningKeyAdded: ({ keys }, { kid, at }) => ({ keys: [...keys.map((k) => (k.supersededAt === null ? { ...k, supersededAt: at } : k)), { kid, addedAt: at, supersededAt: null }] }),
    SigningKeyRetired: ({ keys }, { kid }) => ({ keys: keys.filter((k) => k.kid !== kid) }),
  },
  tags: () => ({ owner: 'system:sign-in' }),
});
