import type { HouseEvents } from './house.events.js';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const houseSamples: { [T in keyof HouseEvents]: { version: 1; data: HouseEvents[T] } } = {
  HouseFounded: { version: 1, data: { house: '0193f2c0-a1b2-4c3d-8e4f-5a6b7c8d9e0f', at: '2030-01-01T00:00:00.000Z' } },
};
