import type { AnyDecider, CommandContext, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Commands, Executed } from '#libs/event-sourcing/running/commands';
import type { States } from '#libs/event-sourcing/running/states';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { asWritten, emailProblem, fullNameProblem, usernameProblem } from '../name/names.js';
import { NameClaims } from '../name/name-claims.js';
import { passwordProblems, type PasswordOccasion, type PasswordPolicy } from '../password/password-policy.js';
import type { Passwords } from '../password/passwords.js';
import type { Role } from '../principal.js';
import { ChangeProfile, EnableUser, RegisterUser, ResetPassword, SetPassword, SignOutUser, user, type UserState } from './user.decider.js';

export interface AccountsOptions {
  commands: Commands;
  states: States;
  keyring: Keyring;
  sealer: Sealer;
  passwords: Passwords;
  clock: Clock;
  random: (bytes: number) => Buffer;
  /** the setting in force */
  passwordPolicy?: () => PasswordPolicy;
  /** a list of the most common passwords; loaded when it is first asked for */
  commonPasswords?: () => Promise<ReadonlySet<string>>;
}

/** What an account is called, as its person wrote it; null: not at all, or erased. */
export interface AccountNames { username: string | null; email: string | null; fullName: string | null }
export interface Registration extends AccountNames {
  password: string;
  role: Role;
  mustChange: boolean;
  origin: 'sign-up' | 'admin' | 'first-start';
  /** its id, where it is not drawn at random: only one account is ever made under it */
  id?: string;
}
export interface Registered { id: string; state: UserState; position: Position | null; /** false: it was there already, under the id that was given */ made: boolean }

/** Accounts: made, found by what they are called, changed. Whoever may do so was asked before. */
export class Accounts {
  readonly #names: NameClaims;
  constructor(private readonly options: AccountsOptions) {
    this.#names = new NameClaims({ ...options, execute: (d, command) => this.execute(d, command) }, async (id) => {
      const state = await this.state(id);
      if (state === null) return null;
      return state.status === 'deleted' ? 'deleted' : this.names(state);
    });
  }

  /** A command of this context, decided and appended. */
  execute<State>(d: AnyDecider, command: StreamCommand): Promise<Executed<State>> {
    return this.options.commands.execute<State>(d, command);
  }

  /**
   * Claims the names, then makes the account; a crash between leaves claims that anybody may take after a minute.
   * @throws Refusal validation_failed · Refusal name_taken · Unavailable (too many passwords wait, or the log)
   */
  async register({ id = this.#newId(), password, ...given }: Registration, context: CommandContext): Promise<Registered> {
    const names = { username: written(given.username), email: written(given.email), fullName: written(given.fullName) };
    refuse([...nameErrors(names), ...await this.#passwordErrors(password, given.origin === 'sign-up' ? 'own' : 'changed', names)]);
    await this.#names.free(names, id);
    const hash = await this.options.passwords.hash(password);
    const claimed = await this.#names.claim(names, id, context);
    try {
      this.#names.stillClaimed(claimed);
      const { role, mustChange, origin } = given;
      const done = await this.execute<UserState>(user, new RegisterUser(id, { ...names, role, password: hash, mustChange, origin }, { ...context, creates: true, exclusive: true }));
      return { id, state: done.state, position: done.position, made: done.events.length > 0 };
    } catch (error) {
      // where nobody knows whether the account was made, its names stay claimed: they are free in a minute, if it was not
      if (error instanceof Refusal) await this.#names.release(claimed, id, 'not-used', context);
      throw error;
    }
  }

  /** The account that is called so (an e-mail address, or a username); null where there is none, or it was deleted. */
  async find(nameOrEmail: string): Promise<string | null> {
    return this.#names.find(nameOrEmail);
  }

  /** The account as the log has it now, whichever process changed it last; null where there was never one. */
  async state(id: string): Promise<UserState | null> {
    return (await this.options.states.read(user, `user-${id}`)).state as UserState | null;
  }

  names(state: UserState): Promise<AccountNames> { return namesOf(this.options.sealer, state); }

  /** null: somebody who is not there, which costs as much. A hash of older parameters is made anew. @throws Unavailable when too many wait */
  async checkPassword(id: string | null, password: string, context?: CommandContext): Promise<boolean> {
    const { sealer, passwords } = this.options;
    const state = id === null ? null : await this.state(id);
    const sealed = state && state.status !== 'deleted' ? state.password : null;
    const phc = sealed && (await sealer.open([sealed]))[0]!;
    const { ok, outdated } = await passwords.verify(phc, password);
    if (ok && outdated && id !== null && sealed) {
      const by = context ?? { principal: 'system:accounts', correlationId: id, causationId: `rehash ${this.options.random(16).toString('hex')}` };
      // who may come in is not kept out because there is no room to renew the hash: the next sign-in does
      await passwords.hash(password).then((hash) => this.execute(user, new SetPassword(id, { password: hash, by: 'rehash', mustChange: state!.mustChange, instead: sealed }, by)),
        (error: unknown) => { if (!(error instanceof Unavailable)) throw error; });
    }
    return ok;
  }

  /** Whether this is the password of a hash that was read elsewhere. @throws Unavailable when too many wait */
  async passwordIs(phc: string, password: string): Promise<boolean> {
    return (await this.options.passwords.verify(phc, password)).ok;
  }

  /** Ends every session and token from before. @throws Refusal validation_failed, not_found · Unavailable */
  async changePassword(id: string, { password, by, mustChange }: { password: string; by: 'self' | 'admin'; mustChange: boolean }, context: CommandContext): Promise<Executed<UserState>> {
    const hash = await this.#hashFor(id, password);
    return this.execute<UserState>(user, new SetPassword(id, { password: hash, by, mustChange }, context));
  }

  /** By a link that was mailed. @throws Refusal validation_failed, invalid_reset · Unavailable */
  async resetPassword(id: string, { reset, password }: { reset: string; password: string }, context: CommandContext): Promise<Executed<UserState>> {
    const state = await this.state(id);
    if (state?.reset?.id !== reset) throw new Refusal('invalid_reset');
    const hash = await this.#hashFor(id, password);
    return this.execute<UserState>(user, new ResetPassword(id, { reset, password: hash }, context));
  }

  /**
   * What is not given stays; null takes it away. New names are claimed first, old ones let go of last.
   * @throws Refusal validation_failed, name_taken, not_found
   */
  async changeProfile(id: string, change: Partial<AccountNames>, context: CommandContext): Promise<Executed<UserState>> {
    const before = await this.#there(id);
    const old = await this.names(before);
    const next = { username: pick(change.username, old.username), email: pick(change.email, old.email), fullName: pick(change.fullName, old.fullName) };
    refuse(nameErrors(next));
    const claimed = await this.#names.claim(this.#names.added(old, next), id, context);
    try {
      this.#names.stillClaimed(claimed);
      const done = await this.execute<UserState>(user, new ChangeProfile(id, next, context));
      await this.#names.release(await this.#names.idsOf(this.#names.added(next, old)), id, 'changed', context);
      return done;
    } catch (error) {
      if (error instanceof Refusal) await this.#names.release(claimed, id, 'not-used', context);
      throw error;
    }
  }

  signOut(id: string, of: 'all' | 'sessions' | 'tokens', reason: 'asked' | 'admin', context: CommandContext): Promise<Executed<UserState>> {
    return this.execute<UserState>(user, new SignOutUser(id, { of, reason }, context));
  }
  enable(id: string, context: CommandContext): Promise<Executed<UserState>> {
    return this.execute<UserState>(user, new EnableUser(id, {}, context));
  }
  /** After the account was deleted: its names are free at once, not only when somebody asks for them. */
  async releaseNames(id: string, state: UserState, context: CommandContext): Promise<void> {
    await this.#names.release(await this.#names.idsOf(await this.names(state)), id, 'user-deleted', context);
  }

  #newId(): string {
    return accountId(this.options.clock.now().getTime(), this.options.random(10));
  }
  async #there(id: string): Promise<UserState> {
    const state = await this.state(id);
    if (!state || state.status === 'deleted') throw new Refusal('not_found');
    return state;
  }
  async #hashFor(id: string, password: string): Promise<string> {
    refuse(await this.#passwordErrors(password, 'changed', await this.names(await this.#there(id))));
    return this.options.passwords.hash(password);
  }
  async #passwordErrors(password: string, occasion: PasswordOccasion, { username, email, fullName }: AccountNames): Promise<FieldError[]> {
    const policy = this.options.passwordPolicy?.() ?? 'standard';
    const common = policy === 'strong' ? await this.options.commonPasswords?.() : undefined;
    return passwordProblems(password, { policy, occasion, names: [username, email, fullName], isCommon: (text) => common?.has(text) ?? false }).map((message) => ({ field: 'password', message }));
  }
}

interface FieldError { field: string; message: string }
const refuse = (errors: FieldError[]): void => { if (errors.length > 0) throw new Refusal('validation_failed', undefined, errors); };
const written = (text: string | null): string | null => (text === null ? null : asWritten(text));
const pick = (given: string | null | undefined, old: string | null): string | null => (given === undefined ? old : written(given));

function nameErrors({ username, email, fullName }: AccountNames): FieldError[] {
  const found = { username: username === null ? null : usernameProblem(username), email: email === null ? null : emailProblem(email), full_name: fullName === null ? null : fullNameProblem(fullName) };
  return Object.entries(found).flatMap(([field, message]) => (message === null ? [] : [{ field, message }]));
}

async function namesOf(sealer: Sealer, { username, email, fullName }: UserState): Promise<AccountNames> {
  const [u, e, f] = await sealer.open([username, email, fullName]);
  return { username: u!, email: e!, fullName: f! };
}

/** `usr_` and a UUIDv7 without hyphens: 48 bits of time, then 74 that nobody guesses. */
export function accountId(ms: number, random: Buffer): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(ms, 0, 6);
  random.copy(bytes, 6, 0, 10);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return `usr_${bytes.toString('hex')}`;
}
