import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { NameEvents } from './name.events.js';

export interface NameState {
  user: string;
  kind: 'username' | 'email';
  claimedAt: string;
  held: boolean;
}

/**
 * `instead`: who holds it as far as the caller saw, and is not called so: `deleted` for good, or an account that was never made
 * or took another name (`not-used`). The latter counts a minute after its claim: within it, it may be on its way.
 */
export class ClaimName extends StreamCommand<{ user: string; kind: 'username' | 'email'; instead?: { user: string; why: 'user-deleted' | 'not-used' } | null }> {}
export class ReleaseName extends StreamCommand<{ user: string; reason: 'changed' | 'user-deleted' | 'not-used' }> {}

/** How long a claim counts without an account that is called so. */
export const CLAIM_MS = 60_000;
/** Whoever claimed a name makes the account within this time, or lets go: well before somebody else may take it. */
export const CLAIM_USABLE_MS = 30_000;

export const name = decider<NameState | null, NameEvents>()({
  stream: 'name',
  snapshotVersion: 1,
  initial: null,
  commands: { ClaimName, ReleaseName },
  decide: {
    ClaimName: (state, { user, kind, instead = null }, now) => {
      const claimed = { type: 'NameClaimed' as const, data: { user, kind, at: now } };
      if (!state?.held) return [claimed];
      const age = Date.parse(now) - Date.parse(state.claimedAt);
      // renewed, so that nobody may take it while the account is made
      if (state.user === user) return age < CLAIM_USABLE_MS / 2 ? [] : [claimed];
      if (instead?.user !== state.user || (instead.why === 'not-used' && age < CLAIM_MS)) throw new Refusal('name_taken');
      return [{ type: 'NameReleased', data: { user: state.user, reason: instead.why, at: now } }, claimed];
    },
    ReleaseName: (state, { user, reason }, now) => (state?.held && state.user === user ? [{ type: 'NameReleased', data: { user, reason, at: now } }] : []),
  },
  period: () => ({ category: 'kept', day: '' }),
  evolve: {
    NameClaimed: (_, { user, kind, at }) => ({ user, kind, claimedAt: at, held: true }),
    NameReleased: (state) => state && { ...state, held: false },
  },
  tags: (state) => {
    if (!state) throw new Error('a name has somebody from its first event on');
    return { owner: state.user };
  },
});
