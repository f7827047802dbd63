import type { AnyDecider } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import { stands } from '#libs/identity/authenticate';
import { newApiToken } from '#libs/identity/credential/api-token';
import { credential, IssueApiToken, RevokeCredential, type CredentialOf, type CredentialState } from '#libs/identity/credential/credential.decider';
import { isAccount } from '#libs/identity/credential/owner';
import { ROLES, type Role } from '#libs/identity/principal';
import { session, type SessionState } from '#libs/identity/session/session.decider';
import { user, type UserState } from '#libs/identity/user/user.decider';
import { credentialList, type ListedCredential } from '#projections/credential-list/credential-list.projection';
import { listCredentials } from '#projections/credential-list/credential-list.reader';
import { contextOf, operation, type Parts } from './operation.js';
import { ownerLookedFor, ownerOf } from './owner.js';
import { upToDate } from './views.js';

const DAY_MS = 86_400_000;
const EXPIRING_MS = 30 * DAY_MS;
const LONGEST_TOKEN_DAYS = 3_650;

export interface CredentialAnswer {
  id: string; owner: string; role: string; state: 'active' | 'expiring' | 'expired' | 'revoked' | 'ended';
  issued_at: string; expires_at: string | null; revoked_at: string | null; reason: string | null;
  /** not kept track of yet: always null */
  last_used_at: null;
}

const WORDS: Record<ListedCredential['kind'], string> = { 'api-token': 'an API token', 'api-key': 'an API key', 'client-certificate': 'a client certificate' };

export const createToken = operation<{ owner: string; role: Role; expires_days?: number }, { id: string; token: string; owner: string; role: Role; expires_at: string | null }>({
  given: {
    type: 'object', additionalProperties: false, required: ['owner', 'role'],
    properties: { owner: { type: 'string' }, role: { type: 'string', enum: ROLES }, expires_days: { type: 'integer', minimum: 1, maximum: LONGEST_TOKEN_DAYS, nullable: true } },
  },
  async run(parts, { owner: called, role, expires_days }) {
    const { owner, account } = await ownerOf(parts, called);
    const { id, text, sha256 } = newApiToken(parts.random);
    const expiresAt = expires_days === undefined ? null : new Date(parts.clock.now().getTime() + expires_days * DAY_MS).toISOString();
    await parts.kernel.commands.execute(credential, new IssueApiToken(id, { owner, role, sha256, expiresAt, epoch: account?.tokenEpoch ?? 0 }, contextOf(parts)));
    return { id, token: text, owner, role, expires_at: expiresAt };
  },
});

/** All credentials of a kind, newest first, a page after the other. */
export const listOf = (kind: ListedCredential['kind']) => operation<{ owner?: string; limit?: number }, { credentials: CredentialAnswer[]; more: boolean; note: string | null }>({
  given: {
    type: 'object', additionalProperties: false, required: [],
    properties: { owner: { type: 'string', nullable: true }, limit: { type: 'integer', minimum: 1, maximum: 10_000, nullable: true } },
  },
  async run(parts, { owner: called, limit = 200 }, running) {
    await upToDate(parts, credentialList, running);
    const { readModels } = parts.kernel.options.engine;
    const { owner, note } = called === undefined ? { note: null } : await ownerLookedFor(parts, called, async (name) => (await listCredentials(readModels, { kind, owner: name }, 1)).credentials.length > 0);
    const stillCounts = counting(parts), credentials: CredentialAnswer[] = [];
    let after: [string, string] | undefined;
    do {
      const page = await listCredentials(readModels, { kind, ...(owner === undefined ? {} : { owner }) }, Math.min(500, limit - credentials.length), after);
      for (const { id, row } of page.credentials) {
        const answer = answerOf(id, row, parts.clock.now());
        const counts = answer.state === 'revoked' || answer.state === 'expired' || await stillCounts(id);
        credentials.push(counts ? answer : { ...answer, state: 'ended' });
      }
      after = page.next ?? undefined;
    } while (after && credentials.length < limit);
    return { credentials, more: after !== undefined, note };
  },
});

/**
 * Tells of a credential whether it may count still: not where its owner's account was deleted or, of a token, where all of the
 * owner's or the sign-in that gave it were ended. The list does not know that. Each account is read once.
 */
function counting({ kernel: { states } }: Parts): (id: string) => Promise<boolean> {
  const accounts = new Map<string, Promise<UserState | null>>();
  const read = async <State>(d: AnyDecider, stream: string): Promise<State | null> => (await states.read(d, stream)).state as State | null;
  return async (id) => {
    const state = await read<CredentialState>(credential, `credential-${id}`);
    if (!state || !isAccount(state.owner)) return true;
    const account = await (accounts.get(state.owner) ?? accounts.set(state.owner, read<UserState>(user, `user-${state.owner}`)).get(state.owner)!);
    if (!account || account.status === 'deleted') return false;
    if (state.kind !== 'api-token') return true;
    return account.tokenEpoch === state.epoch && (state.session === null || stands(state.session, account, { session: (ses) => read<SessionState>(session, `session-${ses}`) }));
  };
}

/** The credential of an id, however a serial is written. @throws Refusal not_found */
export async function credentialOf<K extends ListedCredential['kind']>(parts: Parts, kind: K, shown: string): Promise<{ id: string; state: CredentialOf[K] }> {
  const id = shown.replaceAll(':', '').toLowerCase();
  const state = /^[0-9a-f]{32}$/.test(id) ? (await parts.kernel.states.read(credential, `credential-${id}`)).state as CredentialState | null : null;
  if (state?.kind !== kind) throw new Refusal('not_found', `There is no ${WORDS[kind].replace(/^an? /, '')} ${shown}. The list shows the ids.`);
  return { id, state: state as CredentialOf[K] };
}

export const revokeOf = (kind: ListedCredential['kind']) => operation<{ id: string }, { id: string; owner: string; revoked_at: string; already: boolean }>({
  given: { type: 'object', additionalProperties: false, required: ['id'], properties: { id: { type: 'string' } } },
  async run(parts, given) {
    const { id } = await credentialOf(parts, kind, given.id);
    const done = await parts.kernel.commands.execute<CredentialState>(credential, new RevokeCredential(id, { reason: 'requested' }, contextOf(parts)));
    return { id, owner: done.state.owner, revoked_at: done.state.revoked!.at, already: done.events.length === 0 };
  },
});

const answerOf = (id: string, row: ListedCredential, now: Date): CredentialAnswer => ({
  id, owner: row.owner, role: row.role ?? '', state: stateOf(row, now.getTime()),
  issued_at: row.issuedAt, expires_at: row.expiresAt, revoked_at: row.revokedAt, reason: row.reason, last_used_at: null,
});

const stateOf = (row: ListedCredential, now: number): CredentialAnswer['state'] => {
  if (row.revokedAt !== null) return 'revoked';
  const left = row.expiresAt === null ? Infinity : Date.parse(row.expiresAt) - now;
  return left <= 0 ? 'expired' : left <= EXPIRING_MS ? 'expiring' : 'active';
};

