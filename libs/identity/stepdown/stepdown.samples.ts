import type { StepDownEvents } from './stepdown.events.js';

const user = 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', turn = '9f86d081884c7d659a2feaa0c55ad015';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const stepdownSamples: { [T in keyof StepDownEvents]: { version: 1; data: StepDownEvents[T] } } = {
  StepDownBegun: { version: 1, data: { user, turn, at: '2030-01-01T00:00:00.000Z' } },
  StepDownEnded: { version: 1, data: { user, turn, at: '2030-01-01T00:00:00.100Z' } },
};
