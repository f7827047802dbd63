import { createHmac } from 'node:crypto';
import type { Account, Known, Session } from '../authenticate.js';
import type { CredentialState } from '../credential/credential.decider.js';

/** Accounts and sessions as a spec sets them, beside credentials from wherever it has them. */
export interface KnownTo extends Known {
  /** moved by the spec */
  elapsed: number;
  accounts: Map<string, Account>;
  sessions: Map<string, Session>;
}

export const ACTIVE: Account = { status: 'active', role: 'operator', sessionEpoch: 0, tokenEpoch: 0, mustChange: false };

/** For specs: access tokens are texts `jwt.{user}.{session}`, cookies are the session's id; nothing is signed. */
export function knownTo(credential: (id: string) => Promise<CredentialState | null> = async () => null): KnownTo {
  const accounts = new Map<string, Account>(), sessions = new Map<string, Session>();
  const known: KnownTo = {
    elapsed: 0, monotonic: () => known.elapsed,
    accounts, sessions, credential,
    account: async (id) => accounts.get(id) ?? null,
    session: async (id) => sessions.get(id) ?? null,
    accessToken: async (text) => { const [, user, session] = /^jwt\.(\w+)\.(\w+)$/.exec(text) ?? []; return user && session ? { user, session } : null; },
    cookie: (text) => (/^\w+$/.test(text) ? { session: text, started: 0, seen: 0 } : null),
    mac: (purpose, text) => createHmac('sha256', 'a key outside the log').update(`${purpose}\0${text}`).digest(),
  };
  return known;
}
