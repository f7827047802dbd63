import type { CommandContext } from '#libs/event-sourcing/decider';
import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Executed } from '#libs/event-sourcing/running/commands';
import type { Role } from '../principal.js';
import { ADMINS, BeginStepDown, EndStepDown, stepdown, TURN_USABLE_MS } from '../stepdown/stepdown.decider.js';
import type { Accounts } from './accounts.js';
import { ChangeRole, DeleteUser, DisableUser, user, type UserState } from './user.decider.js';

export interface AdministrationOptions {
  accounts: Accounts;
  clock: Clock;
  random: (bytes: number) => Buffer;
  /** Ids of administrators, as far as a view knows; each is looked up in the log before it counts. */
  admins: (context: CommandContext) => Promise<readonly string[]>;
}

type StepDown = { by: string | null; othersRemain: boolean };
type Act = (stepDown: StepDown) => Promise<Executed<UserState>>;

/** How long one waits for one's turn. */
const PATIENCE_MS = 2_000;
const ASK_AGAIN_MS = 20;

/**
 * What may take an administrator's office. `by`: the account that asks; null: the command line.
 * @throws Refusal last_admin (oneself, or the last one who can sign in), not_found, conflict (another one's turn)
 */
export class Administration {
  constructor(private readonly options: AdministrationOptions) {}

  changeRole(id: string, role: Role, by: string | null, context: CommandContext): Promise<Executed<UserState>> {
    return this.#act(id, by, context, (stepDown) => this.options.accounts.execute(user, new ChangeRole(id, { role, ...stepDown }, context)));
  }
  disable(id: string, reason: string | null, by: string | null, context: CommandContext): Promise<Executed<UserState>> {
    return this.#act(id, by, context, (stepDown) => this.options.accounts.execute(user, new DisableUser(id, { reason, ...stepDown }, context)));
  }
  /** Its names are free at once. */
  async delete(id: string, by: string | null, context: CommandContext): Promise<Executed<UserState>> {
    const done = await this.#act(id, by, context, (stepDown) => this.options.accounts.execute(user, new DeleteUser(id, stepDown, context)));
    await this.options.accounts.releaseNames(id, done.state, context);
    return done;
  }

  /** First as for somebody who holds no office; where the account turns out to be an administrator's, in turn with all others. */
  async #act(id: string, by: string | null, context: CommandContext, act: Act): Promise<Executed<UserState>> {
    try { return await act({ by, othersRemain: false }); } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'last_admin' || by === id) throw error;
    }
    const turn = await this.#turn(id, context);
    try {
      const othersRemain = await this.#othersThan(id, context);
      if (this.options.clock.monotonic() > turn.until) throw new Unavailable('changing administrators');
      return await act({ by, othersRemain });
    } finally {
      // what fails here only makes the next one wait a minute
      await this.options.accounts.execute(stepdown, new EndStepDown(ADMINS, { turn: turn.id }, { ...context, exclusive: true })).catch(() => undefined);
    }
  }

  async #turn(userId: string, context: CommandContext): Promise<{ id: string; until: number }> {
    const { accounts, clock, random } = this.options;
    const id = random(16).toString('hex');
    for (const end = clock.monotonic() + PATIENCE_MS; ;) {
      const until = clock.monotonic() + TURN_USABLE_MS;
      try {
        await accounts.execute(stepdown, new BeginStepDown(ADMINS, { user: userId, turn: id }, { ...context, exclusive: true }));
        return { id, until };
      } catch (error) {
        if (!(error instanceof Refusal) || clock.monotonic() >= end) throw error;
      }
      await new Promise<void>((again) => { clock.after(ASK_AGAIN_MS, again); });
    }
  }

  async #othersThan(id: string, context: CommandContext): Promise<boolean> {
    for (const other of await this.options.admins(context)) {
      if (other === id) continue;
      const state = await this.options.accounts.state(other);
      if (state?.status === 'active' && state.role === 'admin') return true;
    }
    return false;
  }
}
