import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import { subjectOf } from '#libs/event-sourcing/sealed';
import type { KeyuseEvents } from './keyuse.events.js';

/** One use of an API key: which, by whom it was made, for what, with what outcome, from where. */
export interface KeyUse { key: string; owner: string; method: string; route: string; status: number; address: string; at: string }

/** Nothing is decided on it again: only what its tags need is kept. `null` before its one event. */
export type LoggedUses = { subjects: string[]; at: string } | null;

/** Writes down what keys were used for, 1 to 500 uses, in a stream of their own. */
export class LogKeyUses extends StreamCommand<{ entries: readonly KeyUse[] }> {}

export const USES_MOST = 500;

export const keyuse = decider<LoggedUses, KeyuseEvents>()({
  stream: 'keyuse',
  snapshotVersion: 1,
  initial: null,
  commands: { LogKeyUses },
  decide: {
    LogKeyUses: (state, { entries }, now) => {
      if (state) return []; // the repeat of a command that succeeded
      if (entries.length < 1 || entries.length > USES_MOST) throw new Refusal('validation_failed', undefined, [{ field: 'entries', message: `must be 1 to ${USES_MOST}` }]);
      return [{ type: 'KeyUsesLogged', data: { entries: [...entries], at: now } }];
    },
  },
  // an address tells where whoever uses the key sits: it is the account's that made it
  seal: {
    KeyUsesLogged: (data, by) => ({ ...data, entries: data.entries.map((use, i) => ({ ...use, address: by.seal(`entries.${i}.address`, use.address, { kind: 'account', value: use.owner }) })) }),
  },
  period: (_, event) => ({ category: 'key_use', day: event.data.at.slice(0, 10) }),
  evolve: {
    KeyUsesLogged: (_, { entries, at }) => ({ subjects: [...new Set(entries.flatMap(({ address }) => subjectOf(address) ?? []))], at }),
  },
  tags: (state) => {
    if (!state) throw new Error('there are uses from the first event on');
    return { owner: 'system:key-use', ...(state.subjects.length > 0 ? { subjects: state.subjects } : {}), acceptedAt: state.at };
  },
});
