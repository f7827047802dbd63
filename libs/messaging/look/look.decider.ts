import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import type { LookEvents } from './look.events.js';

type Look = LookEvents['MessageLookedAt'];

/** Somebody is about to be shown what is not his own; the command's id is the message's. Durable before it is shown. */
export class LookAtMessage extends StreamCommand<Omit<Look, 'at'>> {}

/** The last look alone: one who reloads a page looks once. */
export type LookState = Look | null;

/** The same reader at the same thing within this is one look. */
const ONE_LOOK_MS = 60_000;

export const look = decider<LookState, LookEvents>()({
  stream: 'look',
  snapshotVersion: 1,
  initial: null,
  commands: { LookAtMessage },
  decide: {
    LookAtMessage: (last, data, now) => {
      const again = last?.by === data.by && last.credential === data.credential && last.what === data.what && Date.parse(now) - Date.parse(last.at) < ONE_LOOK_MS;
      return again ? [] : [{ type: 'MessageLookedAt', data: { ...data, at: now } }];
    },
  },
  // who looked must stay known for as long as the log: nothing here is sealed, nothing has a period
  period: () => ({ category: 'kept', day: '' }),
  evolve: { MessageLookedAt: (_, data) => data },
  tags: (last) => {
    if (!last) throw new Error('a look has an owner from its first event on');
    return { owner: last.owner };
  },
});
