/** A stored key: the random id that events carry, and the key material, wrapped by the master key. */
export interface KeyRecord { id: string; wrapped: Uint8Array }
/** `hash` is a keyed hash of what the subject is known by, or `period:{category}:{day}` for a period. */
export interface KeyCandidate extends KeyRecord { hash: string }

/**
 * The key directory: the only thing beside the log that cannot be rebuilt. It never sees key material in the open,
 * nor a number. Contract: `testing/keys.contract.ts`.
 */
export interface Keys {
  /** For each candidate the record under its hash: the candidate's own where there was none. One winner, durable when it resolves. */
  claim(candidates: readonly KeyCandidate[]): Promise<(KeyRecord | 'forgotten')[]>;
  /** The ids under these hashes; makes nothing. */
  find(hashes: readonly string[]): Promise<(string | null)[]>;
  /** One call per page or batch. An id that was never issued is missing from the map. */
  keys(ids: readonly string[]): Promise<Map<string, KeyRecord | 'forgotten'>>;
  /** Destroys the key material and the hashes that lead to it, for good. Twice is once. Durable when it resolves. */
  forget(ids: readonly string[]): Promise<void>;
  /** Replaces the wrapping of a key that is still there (master key rotation). */
  rewrap(records: readonly KeyRecord[]): Promise<void>;
  /** Every key after this id, in order: for rotation and for counting. */
  list(after: string | null, limit: number): Promise<KeyRecord[]>;
  /** Small named values (the check value of the master key). Written once: the first value stays and is answered. */
  constant(name: string, value: Uint8Array): Promise<Uint8Array>;
}
