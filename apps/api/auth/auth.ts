import type { CommandContext } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Commands } from '#libs/event-sourcing/running/commands';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { newApiToken } from '#libs/identity/credential/api-token';
import { credential, IssueApiToken } from '#libs/identity/credential/credential.decider';
import type { Cookies } from '#libs/identity/session/cookie';
import type { Origin, Sessions, Started } from '#libs/identity/session/sessions';
import type { SignIn } from '#libs/identity/signin/sign-in';
import type { LoginDto } from '#libs/identity/signin/sign-in.dto';
import type { Accounts } from '#libs/identity/user/accounts';
import type { UserState } from '#libs/identity/user/user.decider';
import type { Answer } from '../messages/asking.js';

export interface AuthPorts {
  accounts: Accounts;
  sessions: Sessions;
  signIn: SignIn<UserState>;
  cookies: Cookies;
  commands: Commands;
  keyring: Keyring;
  clock: Clock;
  random(bytes: number): Buffer;
}
/** Whoever asks before he has signed in. */
export interface Visit { from: Origin; context: Omit<CommandContext, 'principal'> }
/** `cookie`: the text to set; null: the one that is there is to go. */
export type WithCookie = Answer & { cookie: string | null };

/** A token that a sign-in hands out (S3) counts so long, unless it or the session is ended before. */
const API_TOKEN_DAYS = 365;
const DAY_MS = 86_400_000;

/** Signing in and out, as the manuals' clients and the portal do it. */
export class Auth {
  constructor(private readonly ports: AuthPorts) {}

  /** @param before the cookie that was there, if any: its session ends @throws Refusal invalid_credentials, rate_limited, invalid_request · Unavailable */
  async login(dto: LoginDto, visit: Visit, before: string | undefined): Promise<WithCookie> {
    const granted = await this.ports.signIn.withPassword({ name: nameOf(dto), password: dto.password, from: visit.from, tokens: true }, visit.context);
    await this.logoutCookie(before, visit);
    return this.signedIn(granted, granted.account, visit);
  }

  /** The same for the form: a cookie, and no token that nobody would take. */
  async loginByForm(dto: LoginDto, visit: Visit, before: string | undefined): Promise<{ cookie: string; mustChange: boolean }> {
    const granted = await this.ports.signIn.withPassword({ name: nameOf(dto), password: dto.password, from: visit.from, tokens: false }, visit.context);
    await this.logoutCookie(before, visit);
    return { cookie: this.ports.sessions.cookieOf(granted), mustChange: granted.account.mustChange };
  }

  /** What every sign-in answers: the union of the manuals' answers. */
  async signedIn(started: Started, account: UserState, { context }: Pick<Visit, 'context'>, message = 'Login successful'): Promise<WithCookie> {
    const { sessions } = this.ports;
    const [tokens, apiToken] = await Promise.all([sessions.tokensOf(started), this.#apiToken(account, started.id, { ...context, principal: `session:${started.id}` })]);
    return {
      status: 200, position: apiToken.position ?? started.position, cookie: sessions.cookieOf(started),
      body: {
        access_token: tokens.access, refresh_token: tokens.refresh, token_type: 'bearer', expires_in: tokens.expiresIn,
        success: true, message, redirect: '/dashboard', token: apiToken.text, must_change_password: account.mustChange,
      },
    };
  }

  async #apiToken({ id: owner, role, tokenEpoch }: UserState, session: string, context: CommandContext): Promise<{ text: string; position: string | null }> {
    const { commands, clock, random } = this.ports;
    const { id, text, sha256 } = newApiToken(random);
    const expiresAt = new Date(clock.now().getTime() + API_TOKEN_DAYS * DAY_MS).toISOString();
    const { position } = await commands.execute(credential, new IssueApiToken(id, { owner, role, sha256, expiresAt, epoch: tokenEpoch, session }, { ...context, creates: true }));
    return { text, position };
  }

  /** @throws Refusal invalid_token, session_ended */
  async refresh(text: string, { from, context }: Visit): Promise<Answer> {
    const { tokens, position } = await this.ports.sessions.refresh(text, from, context);
    return { status: 200, body: { access_token: tokens.access, refresh_token: tokens.refresh, token_type: 'bearer', expires_in: tokens.expiresIn }, position };
  }

  /** Ends the session of a cookie, if it is one. */
  async logoutCookie(cookie: string | undefined, { from, context }: Visit): Promise<void> {
    const read = cookie === undefined ? null : this.ports.cookies.read(cookie);
    if (!read) return;
    try {
      await this.ports.sessions.end(read.session, 'logout', from.address, { ...context, principal: `session:${read.session}` });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
}

/** @throws Refusal invalid_request unless there is exactly one */
function nameOf({ username, email }: LoginDto): string {
  const name = username ?? email;
  if (name === undefined) throw new Refusal('invalid_request', undefined, [{ field: 'username', message: 'is missing: send username or email' }]);
  if (username !== undefined && email !== undefined) throw new Refusal('invalid_request', undefined, [{ field: 'email', message: 'send username or email, not both' }]);
  return name;
}
