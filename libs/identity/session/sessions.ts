import { randomUUIDv7 } from 'node:crypto';
import type { CommandContext } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Commands } from '#libs/event-sourcing/running/commands';
import type { Cookies } from './cookie.js';
import { EndSession, RefreshSession, session, StartSession, type SessionState } from './session.decider.js';
import type { Tokens, TokenPair } from './tokens.js';

/** Where a request comes from, as its listener saw it. */
export interface Origin { address: string; userAgent: string | null }

export interface SessionsOptions {
  commands: Pick<Commands, 'execute'>;
  tokens: Tokens;
  cookies: Cookies;
  clock: Clock;
  /** the longest that a cookie counts */
  hours(): number;
  /** The account as the log has it now; see `Accounts.state`. */
  account(id: string): Promise<{ status: string; sessionEpoch: number } | null>;
}

/** However often its tokens are refreshed, one sign-in lasts no longer. */
export const LONGEST_DAYS = 90;
const DAY_MS = 86_400_000;
const AGENT_MOST = 300;

export interface Started { id: string; state: SessionState; position: Position | null }

/** A `User-Agent` as it is kept: bounded, on one line. */
export const agentOf = (header: string | string[] | undefined): string | null =>
  (typeof header === 'string' && header !== '' ? header.replace(/\p{Cc}+/gu, ' ').slice(0, AGENT_MOST).toWellFormed() : null);

/** Sign-ins that were granted: started, refreshed, ended. Who may was asked before. */
export class Sessions {
  constructor(private readonly options: SessionsOptions) {}

  /**
   * @param tokens whether it will be given access and refresh tokens, and not a cookie alone
   * @throws Unavailable
   */
  async start({ user, epoch, how, from, tokens }: { user: string; epoch: number; how: SessionState['how']; from: Origin; tokens: boolean }, context: Omit<CommandContext, 'principal'>): Promise<Started> {
    const id = `ses_${randomUUIDv7().replaceAll('-', '')}`;
    const lastsMs = tokens ? LONGEST_DAYS * DAY_MS : this.options.hours() * 3_600_000;
    const expiresAt = new Date(this.options.clock.now().getTime() + lastsMs).toISOString();
    const done = await this.options.commands.execute<SessionState>(session, new StartSession(id, { owner: user, epoch, how, ...from, expiresAt }, { ...context, principal: `session:${id}`, creates: true }));
    return { id, state: done.state, position: done.position };
  }

  tokensOf({ id, state }: Pick<Started, 'id' | 'state'>): Promise<TokenPair> {
    return this.options.tokens.issue({ user: state.owner, session: id, n: state.n, expiresAt: state.expiresAt });
  }
  cookieOf({ id, state }: Pick<Started, 'id' | 'state'>): string { return this.options.cookies.issue(id, state.startedAt); }

  /** A refresh token for the next pair. @throws Refusal invalid_token, session_ended (also when the token was used before: then all of the session ends) */
  async refresh(text: string, from: Origin, context: Omit<CommandContext, 'principal'>): Promise<{ user: string; session: string; tokens: TokenPair; position: Position | null }> {
    const claims = await this.options.tokens.verifyRefresh(text);
    if (!claims) throw new Refusal('invalid_token');
    const { session: id, user, n } = claims;
    const account = await this.options.account(user);
    const done = await this.options.commands.execute<SessionState>(session, new RefreshSession(id, { n, address: from.address }, { ...context, principal: `session:${id}`, exclusive: true }));
    if (done.state.ended || account?.status !== 'active' || account.sessionEpoch !== done.state.epoch) throw new Refusal('session_ended');
    return { user, session: id, tokens: await this.tokensOf({ id, state: done.state }), position: done.position };
  }

  /** Ending it again is nothing. @throws Refusal not_found */
  async end(id: string, reason: 'logout' | 'asked' | 'admin', address: string | null, context: CommandContext): Promise<Position | null> {
    return (await this.options.commands.execute<SessionState>(session, new EndSession(id, { reason, address }, context))).position;
  }
}
