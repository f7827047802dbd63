import { createHmac } from 'node:crypto';
import { keyset } from '../keyset.decider.js';
import { SIGN_IN_KEYS, SigningKeys } from '../signing-keys.js';

export const KID = 'k00000000000000a1';
const AT = '2030-01-01T00:00:00.000Z';
const STREAM = `${keyset.stream}-${SIGN_IN_KEYS}`;

/** Signing keys over a keyset that a spec writes by hand. */
export async function fixedKeys(kids: readonly string[] = [KID], secret = 'spec'): Promise<SigningKeys> {
  const keys = new SigningKeys();
  const state = kids.reduce((s, kid) => keyset.evolve.SigningKeyAdded(s, { kid, at: AT }, { revision: 0, metadata: {} as never }), keyset.initial);
  await keys.start({
    commands: { execute: () => Promise.resolve({ position: null, revision: 0, state: state as never, events: [] }) },
    states: { read: () => Promise.resolve({ state, revision: kids.length - 1, snapshot: -1 }) },
    mac: (purpose, text) => createHmac('sha256', secret).update(`${purpose}\0${text}`).digest(),
    random: (n) => Buffer.alloc(n, 1),
  });
  return keys;
}

/** The keys hear that the log adds or retires one. */
export function heard(keys: SigningKeys, revision: number, type: 'SigningKeyAdded' | 'SigningKeyRetired', kid: string): void {
  keys.onEvent({
    id: `e${revision}`, type, version: 1, data: { kid, at: AT }, tags: { owner: 'system:sign-in' }, stream: STREAM, revision, position: String(revision),
    metadata: { correlationId: 'c', causationId: 'c', principal: 'p', at: AT },
  });
}
