import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import type { Plain } from '#libs/event-sourcing/sealed';
import type { SigninEvents } from './signin.events.js';

export type RefusedSignin = Plain<SigninEvents['SigninsRefused']>['entries'][number];
export interface SigninState { at: string; count: number }

/** Sign-ins in one event at most. */
export const MOST_ENTRIES = 500;

/** What one process refused within a second, under a new id. */
export class RecordRefusedSignins extends StreamCommand<{ entries: readonly RefusedSignin[] }> {}

/** Where no account is called so, nobody's key can seal the address: all of these share one, and go with their day. */
const STRANGERS = 'system:strangers';

export const signin = decider<SigninState | null, SigninEvents>()({
  stream: 'signin',
  snapshotVersion: 1,
  initial: null,
  commands: { RecordRefusedSignins },
  decide: {
    RecordRefusedSignins: (state, { entries }, now) => {
      if (entries.length > MOST_ENTRIES) throw new Error(`at most ${MOST_ENTRIES} refused sign-ins in one event`);
      return state || entries.length === 0 ? [] : [{ type: 'SigninsRefused', data: { entries: [...entries], at: now } }];
    },
  },
  seal: {
    SigninsRefused: (data, by) => ({
      ...data,
      entries: data.entries.map((entry, i) => {
        const whose = { kind: 'account', value: entry.user ?? STRANGERS } as const;
        return { ...entry, address: by.seal(`entries.${i}.address`, entry.address, whose), userAgent: by.seal(`entries.${i}.userAgent`, entry.userAgent, whose) };
      }),
    }),
  },
  period: (_, { data }) => ({ category: 'sign-ins', day: data.at.slice(0, 10) }),
  evolve: { SigninsRefused: (_, { entries, at }) => ({ at, count: entries.length }) },
  tags: (state) => ({ owner: 'system:sign-in', ...(state ? { acceptedAt: state.at } : {}) }),
});
