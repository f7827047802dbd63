import type { KeysetEvents } from './keyset.events.js';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const keysetSamples: { [T in keyof KeysetEvents]: { version: 1; data: KeysetEvents[T] } } = {
  SigningKeyAdded: { version: 1, data: { kid: 'k0123456789abcdef', at: '2030-01-01T00:00:00.000Z' } },
  SigningKeyRetired: { version: 1, data: { kid: 'k0123456789abcdef', at: '2030-05-01T00:00:00.000Z' } },
};
