import type { NameEvents } from './name.events.js';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const nameSamples: { [T in keyof NameEvents]: { version: 1; data: NameEvents[T] } } = {
  NameClaimed: { version: 1, data: { user: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', kind: 'username', at: '2030-01-01T00:00:00.000Z' } },
  NameReleased: { version: 1, data: { user: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', reason: 'changed', at: '2030-02-01T00:00:00.000Z' } },
};
