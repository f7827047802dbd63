import type { LookEvents } from './look.events.js';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const lookSamples: { [T in keyof LookEvents]: { version: 1; data: LookEvents[T] } } = {
  MessageLookedAt: { version: 1, data: { owner: 'billing', by: 'usr_01a1fe22cab571cc88dac36cb539168a', credential: 'session:ses_01a1fe22cab571cc88dac36cb539168b', what: 'message', at: '2030-01-01T00:00:00.000Z' } },
};
