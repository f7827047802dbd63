import { Refusal } from '#libs/event-sourcing/errors';
import type { CommandContext } from '#libs/event-sourcing/decider';
import type { Executed } from '#libs/event-sourcing/running/commands';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { openEvents } from '#libs/event-sourcing/sealing/open-event';
import { newApiToken } from '#libs/identity/credential/api-token';
import { credential, IssueApiToken } from '#libs/identity/credential/credential.decider';
import { asWritten } from '#libs/identity/name/names';
import { principalName, type Role } from '#libs/identity/principal';
import { accountId, type AccountNames, type Accounts } from '#libs/identity/user/accounts';
import type { Administration } from '#libs/identity/user/administration';
import type { UserState } from '#libs/identity/user/user.decider';
import type { ChangeUserDto, ListUsersQuery, NewUserBody, OtherUsersQuery, PanelUsersQuery } from '#libs/identity/user/users.dto';
import { userList, type ListedUser } from '#projections/user-list/user-list.projection';
import { listUsers, pageOfUsers, type UserCursor, type UserFilter } from '#projections/user-list/user-list.reader';
import { checkedKey } from '../messages/acceptance.js';
import { contextOf, type Answer, type Asking } from '../messages/asking.js';
import { Cursors } from '../messages/cursors.js';
import { answerOf, firstAnswer, rowAnswer, type FirstEvent } from './user.answer.js';

export interface UsersPorts { kernel: Kernel; accounts: Accounts; administration: Administration; random: (bytes: number) => Buffer }

const ROUTE = 'POST /api/v1/users';
const OTHERS_MOST = 900;
const PER_PAGE = 20;

/** Accounts as administrators see and change them, and as the others are called. */
export class Users {
  readonly #cursors: Cursors;
  constructor(private readonly ports: UsersPorts) { this.#cursors = new Cursors(ports.kernel.keyring); }

  /** Somebody else than its person knows the password: it must be changed at the first sign-in. */
  async create(dto: NewUserBody, asking: Asking): Promise<Answer> {
    const { kernel: { keyring }, accounts } = this.ports;
    const given = { username: dto.username ?? null, email: dto.email ?? null, fullName: dto.full_name ?? null, role: dto.role ?? 'user' as Role, password: dto.password };
    if (given.username === null && given.email === null) throw new Refusal('validation_failed', undefined, [{ field: 'username', message: 'username or email is missing: an account needs one of them' }]);
    const { idempotencyKey: key } = asking;
    const id = key === undefined ? undefined : accountId(0, keyring.mac('id', JSON.stringify([asking.principal.owner, ROUTE, checkedKey(key)])));
    if (id !== undefined && await accounts.state(id) !== null) return this.#replayed(id, given);
    const done = await accounts.register({ ...given, ...(id === undefined ? {} : { id }), mustChange: true, origin: 'admin' }, contextOf(asking));
    if (!done.made) return this.#replayed(done.id, given);
    return { status: 201, body: answerOf(done.state, await accounts.names(done.state)), position: done.position };
  }

  /** The answer to a repeat is that of the first time, read from the account's first event; after erasure nobody can tell any more, and the skeleton stands. */
  async #replayed(id: string, given: AccountNames & { role: Role; password: string }): Promise<Answer> {
    const { kernel, accounts } = this.ports;
    const [first] = await openEvents(kernel.sealer, await kernel.options.engine.eventStore.read(`user-${id}`, 0, 1));
    const data = first!.data as FirstEvent;
    const same = (a: string | null, b: string | null): boolean => a === (b === null ? null : asWritten(b));
    if (data.password !== null && !(same(data.username, given.username) && same(data.email, given.email) && same(data.fullName, given.fullName)
      && data.role === given.role && await accounts.passwordIs(data.password, given.password))) throw new Refusal('idempotency_mismatch');
    return { status: 201, body: firstAnswer(id, data), replayed: true };
  }

  async list({ limit = 50, after, search, role, status }: ListUsersQuery, asking: Asking): Promise<Answer> {
    const filter: UserFilter = { ...(search ? { search } : {}), ...(role ? { role } : {}), ...(status ? { status } : {}) };
    const { users, next } = await this.#page('users', filter, limit, after, asking);
    return { status: 200, body: { users: users.map(({ id, row }) => rowAnswer(id, row)), next } };
  }

  /** S4: the others, as far as anybody may know them. */
  async others({ limit = OTHERS_MOST, after, search }: OtherUsersQuery, asking: Asking): Promise<Answer> {
    const { users, next } = await this.#page('others', { known: true, status: 'active', ...(search ? { search } : {}) }, limit, after, asking);
    return { status: 200, body: { users: users.filter(({ id }) => id !== asking.principal.owner).map(({ id, row }) => ({ id, username: row.username ?? row.fullName ?? id, full_name: row.fullName })), next } };
  }

  /** S3: with page numbers. */
  async pages({ page = 1, per_page = PER_PAGE }: PanelUsersQuery, asking: Asking): Promise<Answer> {
    if (page * per_page > 10_000) throw new Refusal('invalid_request', undefined, [{ field: 'page', message: 'goes beyond the 10,000th account: use GET /api/v1/users, which searches and pages on' }]);
    await this.#seen(asking);
    const { users, total } = await pageOfUsers(this.#views, page, per_page);
    return { status: 200, body: { users: users.map(({ id, row }) => rowAnswer(id, row)), total, page, per_page, pages: Math.ceil(total / per_page) } };
  }

  async show(id: string): Promise<Answer> {
    const state = await this.there(id);
    return { status: 200, body: answerOf(state, await this.ports.accounts.names(state)) };
  }

  async change(id: string, { username, email, full_name: fullName }: ChangeUserDto, asking: Asking): Promise<Answer> {
    const change = { ...(username === undefined ? {} : { username }), ...(email === undefined ? {} : { email }), ...(fullName === undefined ? {} : { fullName }) };
    if (Object.keys(change).length === 0) throw new Refusal('validation_failed', undefined, [{ field: 'username', message: 'nothing is given that would change: username, email or full_name' }]);
    return this.#changed(await this.ports.accounts.changeProfile(id, change, contextOf(asking)));
  }

  /** Ends all of the account's sessions and tokens. One's own password is known to nobody else: it need not be changed again. */
  async setPassword(id: string, password: string, asking: Asking): Promise<Answer> {
    const own = id === asking.principal.owner;
    return this.#changed(await this.ports.accounts.changePassword(id, { password, by: own ? 'self' : 'admin', mustChange: !own }, contextOf(asking)));
  }
  async changeRole(id: string, role: Role, asking: Asking): Promise<Answer> {
    return this.#changed(await this.ports.administration.changeRole(id, role, asking.principal.owner, contextOf(asking)));
  }
  async disable(id: string, reason: string | null, asking: Asking): Promise<Answer> {
    return this.#changed(await this.ports.administration.disable(id, reason, asking.principal.owner, contextOf(asking)));
  }
  async enable(id: string, asking: Asking): Promise<Answer> {
    return this.#changed(await this.ports.accounts.enable(id, contextOf(asking)));
  }
  /** S3: the one of the two that it is not. */
  async toggle(id: string, asking: Asking): Promise<Answer> {
    return (await this.there(id)).status === 'active' ? this.disable(id, null, asking) : this.enable(id, asking);
  }
  async signOut(id: string, asking: Asking): Promise<Answer> {
    return this.#changed(await this.ports.accounts.signOut(id, 'all', 'admin', contextOf(asking)));
  }
  async delete(id: string, asking: Asking): Promise<Answer> {
    await this.there(id);
    const { position } = await this.ports.administration.delete(id, asking.principal.owner, contextOf(asking));
    return { status: 200, body: { id, deleted: true }, position };
  }

  /** All API tokens of the account end; the new one is shown once. */
  async regenerateToken(id: string, asking: Asking): Promise<Answer> {
    const { accounts, kernel, random } = this.ports;
    const context: CommandContext = contextOf(asking);
    const { state } = await accounts.signOut(id, 'tokens', 'admin', context);
    const token = newApiToken(random);
    const done = await kernel.commands.execute(credential, new IssueApiToken(token.id, { owner: id, role: state.role, sha256: token.sha256, expiresAt: null, epoch: state.tokenEpoch }, context));
    return { status: 200, body: { id, token: token.text, token_id: token.id, token_type: 'bearer' }, position: done.position };
  }

  /** @throws Refusal not_found */
  async there(id: string): Promise<UserState> {
    const state = await this.ports.accounts.state(id);
    if (state === null || state.status === 'deleted') throw new Refusal('not_found');
    return state;
  }

  async #changed({ state, position }: Executed<UserState>): Promise<Answer> {
    return { status: 200, body: answerOf(state, await this.ports.accounts.names(state)), position };
  }
  get #views(): Kernel['options']['engine']['readModels'] { return this.ports.kernel.options.engine.readModels; }
  async #seen({ principal, position }: Asking): Promise<void> {
    await this.ports.kernel.seeing.upTo({ follower: userList.name, collection: collectionOf(userList) }, principalName(principal), position);
  }
  async #page(what: string, filter: UserFilter, limit: number, after: string | undefined, asking: Asking): Promise<{ users: { id: string; row: ListedUser }[]; next: string | null }> {
    const scope = [what, JSON.stringify(filter), asking.principal.owner];
    const from = after === undefined ? undefined : this.#cursors.read(after, scope);
    await this.#seen(asking);
    const { users, next } = await listUsers(this.#views, filter, limit, from && [Number(from[0]), from[1]!, from[2]!] satisfies UserCursor);
    return { users, next: next && this.#cursors.write(next.map(String), scope) };
  }
}
