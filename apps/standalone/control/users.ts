import { Refusal } from '#libs/event-sourcing/errors';
import { ROLES, type Role } from '#libs/identity/principal';
import { isAccount } from '#libs/identity/credential/owner';
import { generatedPassword } from '#libs/identity/user/first-admin';
import type { UserState } from '#libs/identity/user/user.decider';
import { userList, type ListedUser } from '#projections/user-list/user-list.projection';
import { listUsers, type UserCursor } from '#projections/user-list/user-list.reader';
import { openPeople, type People } from '../people.js';
import { contextOf, operation, type Parts, type Running } from './operation.js';
import { listSettings } from './settings.js';
import { upToDate } from './views.js';

export interface UserAnswer {
  id: string; username: string | null; email: string | null; full_name: string | null; role: string; status: string; must_change_password: boolean; created_at: string;
}
/** `password`: the one that was generated, shown once; null where it was given. */
export type WithPassword = UserAnswer & { password: string | null };

/** Whoever holds the folder administers it, and is nobody's account. */
const NOBODY = null;

async function peopleOf(parts: Parts, running: Running): Promise<People> {
  const { settings } = await listSettings.run(parts, {}, running);
  return openPeople(parts.kernel, { clock: parts.clock, random: parts.random, passwordPolicy: () => settings.authentication.password_policy as ReturnType<Parameters<typeof openPeople>[1]['passwordPolicy']> });
}

/** By id, username or e-mail address. @throws Refusal not_found */
async function idOf({ accounts }: People, name: string): Promise<string> {
  const id = isAccount(name) ? name : await accounts.find(name);
  const state = id === null ? null : await accounts.state(id);
  if (id === null || state === null || state.status === 'deleted') throw new Refusal('not_found', `There is no account ${name.slice(0, 100)}. \`users list\` shows them.`);
  return id;
}

async function answerOf({ accounts }: People, state: UserState): Promise<UserAnswer> {
  const { username, email, fullName } = await accounts.names(state);
  return { id: state.id, username, email, full_name: fullName, role: state.role, status: state.status, must_change_password: state.mustChange, created_at: state.registeredAt };
}
const rowAnswer = (id: string, { username, email, fullName, role, status, mustChange, registeredAt }: ListedUser): UserAnswer =>
  ({ id, username, email, full_name: fullName, role, status, must_change_password: mustChange, created_at: registeredAt });

const text = { type: 'string' } as const;
const optional = { type: 'string', nullable: true } as const;
const role = { type: 'string', enum: ROLES } as const;

export const createUser = operation<{ username?: string; email?: string; full_name?: string; role: Role; password?: string }, WithPassword>({
  given: { type: 'object', additionalProperties: false, required: ['role'], properties: { username: optional, email: optional, full_name: optional, role, password: optional } },
  async run(parts, { username = null, email = null, full_name: fullName = null, role: as, password }, running) {
    const people = await peopleOf(parts, running);
    const drawn = password === undefined ? generatedPassword(parts.random) : null;
    const { state } = await people.accounts.register({ username, email, fullName, role: as, password: password ?? drawn!, mustChange: true, origin: 'admin' }, contextOf(parts));
    return { ...await answerOf(people, state), password: drawn };
  },
});

/** By name, a page after the other. */
export const listOfUsers = operation<{ search?: string; role?: Role; status?: 'active' | 'disabled'; limit?: number }, { users: UserAnswer[]; more: boolean }>({
  given: {
    type: 'object', additionalProperties: false, required: [],
    properties: { search: optional, role: { ...role, nullable: true }, status: { type: 'string', enum: ['active', 'disabled'], nullable: true }, limit: { type: 'integer', minimum: 1, maximum: 100_000, nullable: true } },
  },
  async run(parts, { limit = 200, ...filter }, running) {
    await upToDate(parts, userList, running);
    const users: UserAnswer[] = [];
    let after: UserCursor | undefined;
    do {
      const page = await listUsers(parts.kernel.options.engine.readModels, filter, Math.min(500, limit - users.length), after);
      users.push(...page.users.map(({ id, row }) => rowAnswer(id, row)));
      after = page.next ?? undefined;
    } while (after && users.length < limit);
    return { users, more: after !== undefined };
  },
});

type Change = (people: People, id: string, parts: Parts) => Promise<{ state: UserState }>;
/** Of one account, by what it is called; the view is brought up first, where it is asked who else administers. */
const changeOf = (change: Change) => operation<{ name: string }, UserAnswer>({
  given: { type: 'object', additionalProperties: false, required: ['name'], properties: { name: text } },
  run: (parts, { name }, running) => changed(parts, name, running, change),
});
async function changed(parts: Parts, name: string, running: Running, change: Change): Promise<UserAnswer> {
  const people = await peopleOf(parts, running);
  const id = await idOf(people, name);
  await upToDate(parts, userList, running);
  return answerOf(people, (await change(people, id, parts)).state);
}

export const disableUser = operation<{ name: string; reason?: string }, UserAnswer>({
  given: { type: 'object', additionalProperties: false, required: ['name'], properties: { name: text, reason: { type: 'string', maxLength: 200, nullable: true } } },
  run: (parts, { name, reason }, running) => changed(parts, name, running, ({ administration }, id) => administration.disable(id, reason ?? null, NOBODY, contextOf(parts))),
});
export const enableUser = changeOf(({ accounts }, id, parts) => accounts.enable(id, contextOf(parts)));
export const deleteUser = changeOf(async ({ administration }, id, parts) => administration.delete(id, NOBODY, contextOf(parts)));
export const changeUserRole = operation<{ name: string; role: Role }, UserAnswer>({
  given: { type: 'object', additionalProperties: false, required: ['name', 'role'], properties: { name: text, role } },
  run: (parts, { name, role: to }, running) => changed(parts, name, running, ({ administration }, id) => administration.changeRole(id, to, NOBODY, contextOf(parts))),
});

export const setUserPassword = operation<{ name: string; password?: string }, WithPassword>({
  given: { type: 'object', additionalProperties: false, required: ['name'], properties: { name: text, password: optional } },
  async run(parts, { name, password }, running) {
    const people = await peopleOf(parts, running);
    const drawn = password === undefined ? generatedPassword(parts.random) : null;
    const { state } = await people.accounts.changePassword(await idOf(people, name), { password: password ?? drawn!, by: 'admin', mustChange: true }, contextOf(parts));
    return { ...await answerOf(people, state), password: drawn };
  },
});
