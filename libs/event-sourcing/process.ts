import type { AnyDecider, StateOf } from './decider.js';

/** The one thing still to do for a stream. Holds ids, never content. */
export interface Due {
  topic: string;
  /** what limits it: a gateway, an endpoint; '' for what is never held back (settlings, run steps) */
  lane: string;
  id: string;
  /** UTC, ISO 8601 */
  dueAt: string;
  /** past this moment it is handed over whatever the lane says, and the decider ends it */
  until?: string;
  /** what its lane must know: this thing occupies a place of `lane` until it is settled */
  holds?: string;
}

/** A process (saga): a pure question to a stream's state. Doing it, and writing down the outcome, are somewhere else. */
export interface Process<D extends AnyDecider> {
  name: string;
  of: D;
  next(state: StateOf<D>, id: string): Due | null;
  /** What an event says about a lane's health: a temporary failure (`false`) or a success (`true`); null for neither. */
  health?(event: { type: string; data: unknown }): { lane: string; good: boolean } | null;
}
export type AnyProcess = Process<any>;
export const processOf = <D extends AnyDecider>(p: Process<D>): Process<D> => p;

/** What a handler of a due thing answers: it is done, it is no longer wanted, or try again then (UTC, ISO 8601). */
export type Handled = 'done' | 'drop' | { later: string };
