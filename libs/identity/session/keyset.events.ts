/**
 * Which keys sign tokens, in the stream `keyset-{purpose}`. A key itself is derived from its id under the master key and
 * stands nowhere. The newest one signs; the others are good for checking until they are retired.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type KeysetEvents = {
  SigningKeyAdded: { kid: string; at: string };
  /** From now on nothing that it signed counts. */
  SigningKeyRetired: { kid: string; at: string };
};
