import type { CommandContext } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Role } from '../principal.js';
import type { Origin, Sessions, Started } from '../session/sessions.js';
import type { Attempts, Taken } from './attempts.js';
import type { RefusedSignins } from './refused-signins.js';
import type { SigninRefusal } from './signin.events.js';

/** What signing in asks of an account; see `Accounts`. */
export interface KnownAccount { status: 'active' | 'disabled' | 'deleted'; role: Role; sessionEpoch: number; tokenEpoch: number; mustChange: boolean }
export interface SignInPorts<Account extends KnownAccount> {
  accounts: {
    find(nameOrEmail: string): Promise<string | null>;
    state(id: string): Promise<Account | null>;
    checkPassword(id: string | null, password: string): Promise<boolean>;
  };
  sessions: Pick<Sessions, 'start'>;
  attempts: Attempts;
  refused: Pick<RefusedSignins, 'add'>;
  /** a name that nobody has, as what is counted for it: no name of anybody is kept among counters */
  nobody(name: string): string;
  clock: Pick<Clock, 'after'>;
  /** told how each ended, for metrics */
  ended(outcome: 'granted' | SigninRefusal): void;
}
export interface Granted<Account> extends Started { user: string; account: Account }

/** A no takes so long at least: what is read for a name that somebody has does not show. */
const NO_AFTER_MS = 250;

/** A name and a password for a session. Whatever is wrong, the answer is the same, and takes as long. */
export class SignIn<Account extends KnownAccount> {
  constructor(private readonly ports: SignInPorts<Account>) {}

  /**
   * @param name username or e-mail address
   * @param tokens whether the session will have tokens, and not a cookie alone
   * @throws Refusal invalid_credentials, rate_limited · Unavailable (nobody can count, or too many passwords wait)
   */
  async withPassword({ name, password, from, tokens }: { name: string; password: string; from: Origin; tokens: boolean }, context: Omit<CommandContext, 'principal'>): Promise<Granted<Account>> {
    const { accounts, sessions, clock } = this.ports;
    const passed = new Promise<void>((over) => { clock.after(NO_AFTER_MS, over); });
    const user = await accounts.find(name);
    const taken = await this.#counted(user, name, from);
    let wrong = false;
    try {
      const right = await accounts.checkPassword(user, password);
      const account = user === null ? null : await accounts.state(user);
      if (user === null || account === null || !right || account.status !== 'active') {
        wrong = true;
        await passed;
        throw this.#refusal(user, user === null || account === null ? 'unknown' : right ? 'disabled' : 'password', from, new Refusal('invalid_credentials'));
      }
      const started = await sessions.start({ user, epoch: account.sessionEpoch, how: 'password', from, tokens }, context);
      this.ports.ended('granted');
      return { ...started, user, account };
    } finally { await taken.end(wrong); }
  }

  /** One's own password again, before something that needs it. Counted like a sign-in. @throws Refusal validation_failed, rate_limited · Unavailable */
  async confirm(user: string, password: string, from: Origin): Promise<void> {
    const taken = await this.#counted(user, '', from);
    let wrong = false;
    try {
      wrong = !(await this.ports.accounts.checkPassword(user, password));
      if (wrong) throw this.#refusal(user, 'password', from, new Refusal('validation_failed', undefined, [{ field: 'current_password', message: 'is not the password of this account' }]));
    } finally { await taken.end(wrong); }
  }

  async #counted(user: string | null, name: string, from: Origin): Promise<Taken> {
    try { return await this.ports.attempts.take(user ?? this.ports.nobody(name), from.address); } catch (error) {
      throw error instanceof Refusal ? this.#refusal(user, 'delayed', from, error) : error;
    }
  }

  #refusal(user: string | null, reason: SigninRefusal, from: Origin, refusal: Refusal): Refusal {
    this.ports.refused.add({ user, reason, ...from });
    this.ports.ended(reason);
    return refusal;
  }
}
