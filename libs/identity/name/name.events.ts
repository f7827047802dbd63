/**
 * Who is called so, in the stream `name-{subject id of the normalised name}`: one winner for a name, whatever comes at once.
 * A claim counts while its user exists, and may be taken over when a minute has passed without one.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type NameEvents = {
  NameClaimed: { user: string; kind: 'username' | 'email'; at: string };
  NameReleased: { user: string; reason: 'changed' | 'user-deleted' | 'not-used'; at: string };
};
