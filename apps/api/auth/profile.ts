import { Refusal } from '#libs/event-sourcing/errors';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { isAccount } from '#libs/identity/credential/owner';
import { Foreign } from '#libs/identity/foreign';
import { principalName, type Principal } from '#libs/identity/principal';
import { session, type SessionState } from '#libs/identity/session/session.decider';
import type { Sessions } from '#libs/identity/session/sessions';
import type { SignIn } from '#libs/identity/signin/sign-in';
import type { ActivityQuery, ChangePasswordDto } from '#libs/identity/signin/sign-in.dto';
import type { Accounts } from '#libs/identity/user/accounts';
import type { UserState } from '#libs/identity/user/user.decider';
import type { CurrentSettings } from '#libs/settings/settings';
import { signInLog } from '#projections/sign-in-log/sign-in-log.projection';
import { lastSignIn, listSessions, listSignIns } from '#projections/sign-in-log/sign-in-log.reader';
import { contextOf, type Answer, type Asking } from '../messages/asking.js';
import { Cursors } from '../messages/cursors.js';
import type { Auth, Visit, WithCookie } from './auth.js';

export interface ProfilePorts {
  kernel: Kernel;
  accounts: Accounts;
  auth: Auth;
  sessions: Sessions;
  signIn: SignIn<UserState>;
  settings: Pick<CurrentSettings, 'value'>;
}

const PAGE = 50;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** One's own account, sign-ins and sessions. */
export class Profile {
  readonly #cursors: Cursors;
  constructor(private readonly ports: ProfilePorts) { this.#cursors = new Cursors(ports.kernel.keyring); }

  /** S4's `/auth/me`. An owner without an account is called as he is. */
  async me({ principal }: Asking): Promise<Answer> {
    const { state, names } = await this.#account(principal);
    return { status: 200, body: { id: principal.owner, username: names.username ?? names.email ?? principal.owner, full_name: names.fullName, email: names.email, role: principal.role, must_change_password: state?.mustChange ?? false } };
  }

  async show(asking: Asking): Promise<Answer> {
    const { principal } = asking;
    const { state, names } = await this.#account(principal);
    if (state) await this.#seen(asking);
    return {
      status: 200, body: {
        id: principal.owner, client_id: principal.owner, username: names.username, email: names.email, full_name: names.fullName, role: principal.role,
        created_at: state?.registeredAt ?? null, last_login_at: state ? await lastSignIn(this.#views, principal.owner) : null, must_change_password: state?.mustChange ?? false,
      },
    };
  }

  /** Ends every session and token, this one too, and signs in anew. @throws Refusal validation_failed, rate_limited, forbidden · Unavailable */
  async changePassword(dto: ChangePasswordDto, asking: Asking, visit: Visit): Promise<WithCookie> {
    const { accounts, auth, sessions, signIn } = this.ports;
    const id = this.#own(asking.principal);
    const { current_password: current, new_password: password } = dto;
    if (password !== dto.confirm_password) throw new Refusal('validation_failed', undefined, [{ field: 'confirm_password', message: 'is not the same as new_password' }]);
    if (password === current) throw new Refusal('validation_failed', undefined, [{ field: 'new_password', message: 'must be another one than before' }]);
    await signIn.confirm(id, current, visit.from);
    const { state } = await inWords(accounts.changePassword(id, { password, by: 'self', mustChange: false }, contextOf(asking)));
    const started = await sessions.start({ user: id, epoch: state.sessionEpoch, how: 'password', from: visit.from, tokens: true }, visit.context);
    return auth.signedIn(started, state, visit, 'Password changed');
  }

  /** S1's activity. */
  async signIns(query: ActivityQuery, asking: Asking): Promise<Answer> {
    const { owner } = asking.principal;
    const limit = query.limit ?? PAGE, scope = ['sign-ins', owner];
    await this.#seen(asking);
    const page = await listSignIns(this.#views, owner, limit, this.#after(query, scope));
    const opened = await this.ports.kernel.sealer.open(page.signIns.flatMap(({ row }) => [row.address, row.userAgent]));
    return {
      status: 200, body: {
        sign_ins: page.signIns.map(({ id, row }, i) => ({
          id, at: row.at, status: row.granted ? 'success' : 'failed', reason: row.refusal, how: row.how, address: opened[2 * i] ?? null, user_agent: opened[2 * i + 1] ?? null, ended_at: row.endedAt, end: row.end,
        })),
        next: page.next ? this.#cursors.write(page.next, scope) : null,
      },
    };
  }

  async listSessions(query: ActivityQuery, asking: Asking): Promise<Answer> {
    const { principal } = asking;
    const state = isAccount(principal.owner) ? await this.ports.accounts.state(principal.owner) : null;
    if (!state) return { status: 200, body: { sessions: [], next: null } };
    const { kernel, settings } = this.ports;
    const limit = query.limit ?? PAGE, scope = ['sessions', principal.owner];
    await this.#seen(asking);
    const now = kernel.options.clock.now();
    const longestMs = Math.max(settings.value('authentication.refresh_token_days') * DAY_MS, settings.value('authentication.session_hours') * HOUR_MS);
    const page = await listSessions(this.#views, { user: principal.owner, epoch: state.sessionEpoch, usedSince: new Date(now.getTime() - longestMs).toISOString() }, limit, this.#after(query, scope));
    const alive = page.signIns.filter(({ row }) => row.expiresAt! > now.toISOString());
    const opened = await kernel.sealer.open(alive.flatMap(({ row }) => [row.address, row.userAgent]));
    return {
      status: 200, body: {
        sessions: alive.map(({ id, row }, i) => ({
          id, current: principal.credential.id === id, how: row.how, started_at: row.at, used_at: row.usedAt, expires_at: row.expiresAt, address: opened[2 * i] ?? null, user_agent: opened[2 * i + 1] ?? null,
        })),
        next: page.next ? this.#cursors.write(page.next, scope) : null,
      },
    };
  }

  /** @throws Refusal not_found */
  async endSession(id: string, asking: Asking, { from }: Visit): Promise<Answer> {
    const { kernel, sessions } = this.ports;
    const state = /^ses_[0-9a-f]{32}$/.test(id) ? (await kernel.states.read(session, `session-${id}`)).state as SessionState | null : null;
    if (!state) throw new Refusal('not_found');
    if (state.owner !== asking.principal.owner) throw new Foreign('session');
    return { status: 200, body: { id, status: 'ended' }, position: await sessions.end(id, 'asked', from.address, contextOf(asking)) };
  }

  async endAllSessions(asking: Asking): Promise<Answer> {
    const { position } = await this.ports.accounts.signOut(this.#own(asking.principal), 'all', 'asked', contextOf(asking));
    return { status: 200, body: { status: 'ended' }, position };
  }

  get #views() { return this.ports.kernel.options.engine.readModels; }

  #own({ owner }: Principal): string {
    if (!isAccount(owner)) throw new Refusal('forbidden', 'This needs an account, and the credential belongs to none.');
    return owner;
  }
  async #account({ owner }: Principal): Promise<{ state: UserState | null; names: { username: string | null; email: string | null; fullName: string | null } }> {
    const state = isAccount(owner) ? await this.ports.accounts.state(owner) : null;
    return { state, names: state ? await this.ports.accounts.names(state) : { username: owner, email: null, fullName: null } };
  }
  #seen({ principal, position }: Asking): Promise<boolean> {
    return this.ports.kernel.seeing.upTo({ follower: signInLog.name, collection: collectionOf(signInLog) }, principalName(principal), position);
  }
  #after({ after }: ActivityQuery, scope: string[]): [string, string] | undefined {
    return after === undefined ? undefined : (this.#cursors.read(after, scope) as [string, string]);
  }
}

/** What is wrong with a new password stands under its name in the body. */
async function inWords<T>(work: Promise<T>): Promise<T> {
  try { return await work; } catch (error) {
    if (error instanceof Refusal && error.errors) throw new Refusal(error.code, undefined, error.errors.map((e) => ({ ...e, field: e.field === 'password' ? 'new_password' : e.field })));
    throw error;
  }
}

