import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import type { Accounts, AccountNames } from '#libs/identity/user/accounts';
import { addressKey } from '#libs/platform/limits/address';
import type { CurrentSettings } from '#libs/settings/settings';
import { checkedKey } from '../messages/acceptance.js';
import type { Visit } from './auth.js';

export interface SignUpPorts {
  accounts: Accounts;
  keyring: Keyring;
  shared: Pick<Shared, 'add'>;
  settings: Pick<CurrentSettings, 'value'>;
}
export interface SignedUp extends AccountNames { id: string; position: string | null; replayed: boolean }

/** Whoever asks which names are taken, or guesses at the password of a repeat, is told so often in an hour. */
const TAKEN_MOST = 5;
const HOUR_MS = 3_600_000;

/** Accounts that people make for themselves. */
export class SignUp {
  readonly #turns = new Map<string, Promise<void>>();
  constructor(private readonly ports: SignUpPorts) {}

  /** @throws Refusal registration_closed, invalid_request, name_taken, rate_limited, idempotency_mismatch · Unavailable */
  async register(route: string, names: AccountNames, password: string, key: string | string[] | undefined, { from, context }: Visit): Promise<SignedUp> {
    const { accounts, keyring, settings } = this.ports;
    if (settings.value('authentication.registration') === 'closed') throw new Refusal('registration_closed');
    // whoever knows the key only repeats what it made: the password is asked for again
    const id = key === undefined ? {} : { id: `usr_${keyring.mac('id', JSON.stringify(['sign-up', route, checkedKey(key)])).toString('hex').slice(0, 32)}` };
    const address = addressKey(from.address);
    return this.#inTurn(address, async () => {
      const counter = `sign-up-taken/${address}`;
      const { total, resetMs } = await this.#count(counter, 0);
      if (total >= TAKEN_MOST) throw new Refusal('rate_limited', 'Too many names that were taken, or repeats that were none. Wait as long as `Retry-After` says, then try again.', undefined, { retryAfter: resetMs / 1000 });
      try {
        const again = id.id === undefined ? null : await this.#again(id.id, names, password);
        if (again) return again;
        const made = await accounts.register({ ...names, password, role: 'user', mustChange: false, origin: 'sign-up', ...id }, { ...context, principal: 'system:sign-up' });
        // another with the same key was first, in this moment, from another address: this one is a repeat like any other
        if (!made.made) return (await this.#again(made.id, names, password))!;
        return { ...await accounts.names(made.state), id: made.id, position: made.position, replayed: false };
      } catch (error) {
        // a repeat with another password is a guess at it
        if (error instanceof Refusal && (error.code === 'name_taken' || error.code === 'idempotency_mismatch')) await this.#count(counter, 1);
        throw error instanceof Refusal && error.code === 'validation_failed' ? new Refusal('invalid_request', undefined, error.errors) : error;
      }
    });
  }

  /** Those of one address one after the other: many at once would learn more names than the count allows. */
  async #inTurn<T>(address: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#turns.get(address) ?? Promise.resolve()).then(work);
    const over = mine.then(() => {}, () => {});
    this.#turns.set(address, over);
    try { return await mine; } finally { if (this.#turns.get(address) === over) this.#turns.delete(address); }
  }

  async #again(id: string, names: AccountNames, password: string): Promise<SignedUp | null> {
    const { accounts } = this.ports;
    const state = await accounts.state(id);
    if (!state) return null;
    const had = await accounts.names(state);
    const same = had.username === names.username && had.email === names.email && had.fullName === names.fullName;
    if (!same || !(await accounts.checkPassword(id, password))) throw new Refusal('idempotency_mismatch');
    return { ...had, id, position: null, replayed: true };
  }

  async #count(name: string, n: number): Promise<{ total: number; resetMs: number }> {
    try { return await this.ports.shared.add(name, n, HOUR_MS); } catch (error) { throw new Unavailable('signing up', 1000, { cause: error }); }
  }
}
