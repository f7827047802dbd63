import type { CommandContext } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { accountId, type Accounts } from './accounts.js';

export const FIRST_ADMIN = 'SMSadmin';

export interface FirstAdminOptions {
  accounts: Accounts;
  keyring: Keyring;
  random: (bytes: number) => Buffer;
  /** ADMIN_PASSWORD; null: one is drawn */
  password: string | null;
}

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';
const LENGTH = 20;

/** A password that nobody knows: 20 letters and digits that are not taken for each other, 116 bits, of each kind one at least. */
export function generatedPassword(random: (bytes: number) => Buffer): string {
  for (;;) {
    // a byte past the last whole round of letters would favour the first ones
    const letters = [...random(64)].filter((byte) => byte < 256 - (256 % LETTERS.length)).slice(0, LENGTH).map((byte) => LETTERS[byte % LETTERS.length]!);
    const text = letters.join('');
    if (letters.length === LENGTH && /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text)) return text;
  }
}

/**
 * Makes the first administrator, once in the life of the data: his id is derived, so that of processes that start together one makes him,
 * and whoever deleted him is rid of him.
 * @returns the password that was drawn, to be shown once; null: he was there already, or has the one that was given
 * @throws Error where ADMIN_PASSWORD is too weak
 */
export async function ensureFirstAdmin({ accounts, keyring, random, password }: FirstAdminOptions): Promise<string | null> {
  const id = accountId(0, keyring.mac('first-admin', FIRST_ADMIN));
  if (await accounts.state(id) !== null) return null;
  const drawn = password === null ? generatedPassword(random) : null;
  const context: CommandContext = { principal: 'system:first-start', correlationId: id, causationId: 'first start' };
  try {
    const { made } = await accounts.register({ id, username: FIRST_ADMIN, email: null, fullName: null, password: password ?? drawn!, role: 'admin', mustChange: drawn !== null, origin: 'first-start' }, context);
    return made ? drawn : null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // somebody was called so before the first start: with the command line alone, which can make administrators
    if (error.code === 'name_taken') return null;
    throw new Error(`ADMIN_PASSWORD ${error.errors?.map((e) => e.message).join(', ') ?? error.message}. Set another one, or none: then one is generated.`, { cause: error });
  }
}

/** True while the first administrator has the password that was drawn for him: nobody has signed in as him, for that ends with a new one. */
export async function neverUsed({ accounts, keyring }: Pick<FirstAdminOptions, 'accounts' | 'keyring'>): Promise<boolean> {
  const state = await accounts.state(accountId(0, keyring.mac('first-admin', FIRST_ADMIN)));
  return state?.status === 'active' && state.origin === 'first-start' && state.mustChange && state.sessionEpoch === 0;
}
