import { decider, StreamCommand } from '../decider.js';
import type { HouseEvents } from './house.events.js';

/** The log is given the id of its house, once. */
export class FoundHouse extends StreamCommand<{ house: string }> {}

export type HouseState = { house: string } | null;

export const house = decider<HouseState, HouseEvents>()({
  stream: 'house',
  snapshotVersion: 1,
  initial: null,
  commands: { FoundHouse },
  decide: {
    FoundHouse: (known, data, now) => (known ? [] : [{ type: 'HouseFounded', data: { ...data, at: now } }]),
  },
  // stays for as long as the log: nothing here is sealed, nothing has a period
  period: () => ({ category: 'kept', day: '' }),
  evolve: { HouseFounded: (_, { house: id }) => ({ house: id }) },
  tags: () => ({ owner: 'system:house' }),
});
