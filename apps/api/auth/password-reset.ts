import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Commands } from '#libs/event-sourcing/running/commands';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { newReset, readResetToken, RESET_MINUTES } from '#libs/identity/mail/reset-link';
import type { Accounts } from '#libs/identity/user/accounts';
import { RequestPasswordReset, user } from '#libs/identity/user/user.decider';
import { addressKey } from '#libs/platform/limits/address';
import type { Answer } from '../messages/asking.js';
import type { Visit } from './auth.js';

export interface PasswordResetPorts {
  accounts: Accounts;
  commands: Commands;
  keyring: Keyring;
  shared: Pick<Shared, 'add'>;
  clock: Clock;
  random(bytes: number): Buffer;
}

/** Every request for a link takes so long: what is done for an address that somebody has does not show. */
const ANSWER_AFTER_MS = 250;
const WINDOW_MS = 3_600_000;
/** Mails that one account is sent, and requests that one address makes, in an hour. */
const MOST = { account: 5, address: 20 };

/** One and the same for everybody. */
const ASKED = { success: true, message: 'If an account has this e-mail address, a mail with a link is on its way. The link counts for 30 minutes.' };

/** Another password for whoever reads the account's mail. */
export class PasswordReset {
  constructor(private readonly ports: PasswordResetPorts) {}

  /** @throws Refusal rate_limited · Unavailable */
  async ask(nameOrEmail: string, { from, context }: Visit): Promise<Answer> {
    const { clock } = this.ports;
    const asked = await this.#count(`reset/${addressKey(from.address)}`);
    if (asked.total > MOST.address) throw new Refusal('rate_limited', undefined, undefined, { retryAfter: asked.resetMs / 1000 });
    await Promise.all([this.#request(nameOrEmail, context), new Promise<void>((passed) => { clock.after(ANSWER_AFTER_MS, passed); })]);
    return { status: 202, body: ASKED };
  }

  async #request(nameOrEmail: string, context: Visit['context']): Promise<void> {
    const { accounts, commands, random } = this.ports;
    const id = await accounts.find(nameOrEmail);
    const account = id === null ? null : await accounts.state(id);
    if (id === null || account?.status !== 'active' || account.email === null || (await this.#count(`reset/${id}`)).total > MOST.account) return;
    await commands.execute(user, new RequestPasswordReset(id, { reset: newReset(random), minutes: RESET_MINUTES }, { ...context, principal: 'system:sign-in' }));
  }

  /** @throws Refusal invalid_reset, validation_failed · Unavailable */
  async reset({ token, password, confirm }: { token: string; password: string; confirm: string | undefined }, { context }: Visit): Promise<Answer> {
    const { accounts, keyring } = this.ports;
    const read = readResetToken((purpose, text) => keyring.mac(purpose, text), token);
    if (!read) throw new Refusal('invalid_reset');
    const state = await accounts.state(read.user);
    // looked at before the password is: whoever has an old link is told so, whatever he types
    if (state?.status !== 'active' || state.reset?.id !== read.reset || state.reset.expiresAt <= this.ports.clock.now().toISOString()) throw new Refusal('invalid_reset');
    if (confirm !== undefined && confirm !== password) throw new Refusal('validation_failed', undefined, [{ field: 'confirm_password', message: 'is not the same as new_password' }]);
    try {
      const { position } = await accounts.resetPassword(read.user, { reset: read.reset, password }, { ...context, principal: 'system:password-reset', exclusive: true });
      return { status: 200, body: { success: true, message: 'The password is changed. Sign in with it.', redirect: '/login' }, position };
    } catch (error) {
      throw error instanceof Refusal ? new Refusal(error.code, undefined, error.errors?.map((e) => ({ ...e, field: e.field === 'password' ? 'new_password' : e.field }))) : error;
    }
  }

  async #count(name: string): Promise<{ total: number; resetMs: number }> {
    try { return await this.ports.shared.add(name, 1, WINDOW_MS); } catch (error) { throw new Unavailable('asking for a new password', 1000, { cause: error }); }
  }
}
