/**
 * An administrator is about to be disabled, demoted or deleted, in the one stream `stepdown-admins`: one after the other, so that
 * two who take each other's office never leave nobody. Begun before it is looked whether another one remains, ended after.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type StepDownEvents = {
  /** Until it is ended, or a minute is over, no other one begins. */
  StepDownBegun: { user: string; /** drawn at random: whose turn it is */ turn: string; at: string };
  StepDownEnded: { user: string; turn: string; at: string };
};
