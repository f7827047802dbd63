import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { StepDownEvents } from './stepdown.events.js';

export interface StepDownState { user: string; turn: string; begunAt: string; held: boolean }

/** @throws Refusal conflict while it is another's turn */
export class BeginStepDown extends StreamCommand<{ user: string; turn: string }> {}
export class EndStepDown extends StreamCommand<{ turn: string }> {}

/** The one stream's id. */
export const ADMINS = 'admins';
/** Whoever died in his turn holds up the next one no longer than this. */
export const TURN_MS = 60_000;
/** Within this time whoever has the turn acts, or not at all: well before the next one may begin. */
export const TURN_USABLE_MS = 30_000;

export const stepdown = decider<StepDownState | null, StepDownEvents>()({
  stream: 'stepdown',
  snapshotVersion: 1,
  initial: null,
  commands: { BeginStepDown, EndStepDown },
  decide: {
    BeginStepDown: (state, { user, turn }, now) => {
      if (state?.held && Date.parse(now) - Date.parse(state.begunAt) < TURN_MS) throw new Refusal('conflict', 'Another administrator is being disabled, demoted or deleted just now. Try again.');
      return [{ type: 'StepDownBegun', data: { user, turn, at: now } }];
    },
    EndStepDown: (state, { turn }, now) => (state?.held && state.turn === turn ? [{ type: 'StepDownEnded', data: { user: state.user, turn, at: now } }] : []),
  },
  period: () => ({ category: 'kept', day: '' }),
  evolve: {
    StepDownBegun: (_, { user, turn, at }) => ({ user, turn, begunAt: at, held: true }),
    StepDownEnded: (state) => state && { ...state, held: false },
  },
  tags: (state) => ({ owner: state?.user ?? 'system:accounts' }),
});
