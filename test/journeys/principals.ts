import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { newApiKey } from '#libs/identity/credential/api-key';
import { IssueApiKey } from '#libs/identity/credential/credential.decider';
import { RIGHTS, type CredentialKind, type Role } from '#libs/identity/principal';
import { COOKIE_NAME } from '#libs/identity/session/cookie';
import { StartSession } from '#libs/identity/session/session.decider';
import { RegisterUser } from '#libs/identity/user/user.decider';
import type { Client, WholeHouse } from './whole-house.js';

/** Every way to be somebody over HTTP. */
export const KINDS = ['access-token', 'session', 'api-token', 'api-key', 'client-certificate'] as const satisfies readonly CredentialKind[];
export type Kind = (typeof KINDS)[number];
export interface Person { id: string; role: Role; session: string; as: Record<Kind, Client> }

const context = { principal: 'local:journey', correlationId: 'journey', causationId: 'journey' };
const DAY_MS = 86_400_000;
/** All of ours that a key can carry. */
export const ALL_SCOPES = [...new Set(Object.keys(RIGHTS).filter((right) => right.includes(':') && !right.startsWith('profile:')).map((right) => `${right.split(':')[0]}:*`))];

/** An account that nobody can sign in to by password: what it shows is made here. */
export async function account(whole: WholeHouse, role: Role, mustChange = false): Promise<string> {
  const id = `usr_${randomUUIDv7().replaceAll('-', '')}`;
  await whole.house.api.bus.execute(new RegisterUser(id, { username: id, email: null, fullName: null, role, password: '$argon2id$none', mustChange, origin: 'admin' }, context));
  return id;
}

/** The text of a new API key. */
export async function apiKey(whole: WholeHouse, owner: string, scopes: readonly string[] = ALL_SCOPES): Promise<{ id: string; text: string }> {
  const { keyring } = whole.house.kernel;
  const { id, text, prefix, mac } = newApiKey(randomBytes, (purpose, key) => keyring.mac(purpose, key));
  await whole.house.api.bus.execute(new IssueApiKey(id, { owner, name: 'journey', description: null, scopes, prefix, mac, days: 1 }, context));
  return { id, text };
}

/** A sign-in, as its access token and its cookie. */
export async function signIn(whole: WholeHouse, user: string): Promise<{ session: string; access: string; cookie: string }> {
  const { people, api } = whole.house;
  const session = `ses_${randomBytes(16).toString('hex')}`, startedAt = new Date(), expiresAt = new Date(startedAt.getTime() + DAY_MS).toISOString();
  const epoch = (await people.accounts.find(user))!.sessionEpoch;
  await api.bus.execute(new StartSession(session, { owner: user, epoch, how: 'password', address: '127.0.0.1', userAgent: null, expiresAt }, context));
  const { access } = await people.tokens.issue({ user, session, n: 1, expiresAt });
  return { session, access, cookie: people.cookies.issue(session, startedAt.toISOString()) };
}

/** Somebody with an account of this role, in every way that there is. */
export async function person(whole: WholeHouse, role: Role): Promise<Person> {
  const id = await account(whole, role);
  const { session, access, cookie } = await signIn(whole, id);
  return {
    id, role, session,
    as: {
      'access-token': whole.bearer(access),
      session: whole.showing({ cookie: `${COOKIE_NAME}=${cookie}` }),
      'api-token': whole.bearer(await whole.token(id, role)),
      'api-key': whole.showing({ 'x-api-key': (await apiKey(whole, id)).text }),
      'client-certificate': await whole.certified(id, role),
    },
  };
}
