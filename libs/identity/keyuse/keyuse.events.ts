import type { Sensitive } from '#libs/event-sourcing/sealed';

/**
 * What API keys were used for, in bulk: one event per process and second, each in a stream of its own, `keyuse-{id}`.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type KeyuseEvents = {
  KeyUsesLogged: {
    /** at most 500 */
    entries: {
      /** the credential's id */
      key: string;
      /** the user who made the key */
      owner: string;
      method: string;
      /** the route's template, never the path */
      route: string;
      status: number;
      address: Sensitive<string>;
      at: string;
    }[];
    at: string;
  };
};
