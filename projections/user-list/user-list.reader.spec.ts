import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { ROLES } from '#libs/identity/principal';
import { user } from '#libs/identity/user/user.decider';
import { searchKey, userList } from './user-list.projection.js';
import { activeAdmins, listUsers, namesOfUsers, pageOfUsers, type UserCursor, type UserFilter } from './user-list.reader.js';

let engine: Embedded, dir: string;
const FIRST = ['Ada', 'Grace', 'Alan', 'Edsger'], LAST = ['Lovelace', 'Hopper', 'Adams', 'Dijkstra', 'Grace'];
/** Account i of 60: every fifth without a username, every fourth disabled, roles in turn. */
const facts = Array.from({ length: 60 }, (_, i) => {
  const first = FIRST[i % 4]!, last = LAST[i % 5]!, number = String(i).padStart(2, '0');
  return { id: `usr_${number}`, username: i % 5 === 0 ? null : `${first}${number}`, email: `${last}.${first}${number}@Example.com`, fullName: `${first} ${last}`, role: ROLES[i % 3]!, disabled: i % 4 === 3 };
});
type Fact = (typeof facts)[number];
const nameOf = (f: Fact): string => searchKey(f.username ?? f.email);
const byName = (list: Fact[]): string[] => [...list].sort((a, b) => (nameOf(a) === nameOf(b) ? (a.id < b.id ? -1 : 1) : nameOf(a) < nameOf(b) ? -1 : 1)).map((f) => f.id);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-users-'));
  engine = await openEmbedded({ dir });
  await engine.readModels.define({ name: collectionOf(userList), indexes: userList.indexes });
  const events = facts.flatMap(({ id, disabled, ...names }) => [
    happened(user, `user-${id}`, 0, 'UserRegistered', { ...names, password: '$', mustChange: false, origin: 'sign-up', registeredAt: '2030-01-01T00:00:00.000Z' }),
    ...(disabled ? [happened(user, `user-${id}`, 1, 'UserDisabled', { reason: null, at: '2030-01-01T00:00:00.000Z' })] : []),
  ]);
  const rows = [...projected(userList, events)].map(([id, row]) => ({ id, position: '0000000000000001', row }));
  await engine.readModels.apply(collectionOf(userList), rows, '0000000000000001');
});
afterAll(async () => {
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

async function pages(filter: UserFilter, limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let after: UserCursor | undefined; ;) {
    const page = await listUsers(engine.readModels, filter, limit, after);
    expect(page.users.length).toBeLessThanOrEqual(limit);
    found.push(...page.users.map((u) => u.id));
    if (!page.next) return found;
    after = page.next;
  }
}
const fits = (f: Fact, { role, status }: UserFilter): boolean => (role === undefined || f.role === role) && (status === undefined || (status === 'disabled') === f.disabled);

describe('the list of accounts', () => {
  const filters: UserFilter[] = [{}, { role: 'admin' }, { status: 'disabled' }, { role: 'user', status: 'active' }];
  it.each(filters)('by name, with %j, on pages of any size', async (filter) => {
    for (const limit of [1, 7, 60, 200]) expect(await pages(filter, limit)).toEqual(byName(facts.filter((f) => fits(f, filter))));
  });
  it.each<UserFilter>([{ search: 'ada' }, { search: 'ADA' }, { search: 'ＡＤＡ' }, { search: 'grace' }, { search: 'lovelace' }, { search: 'lovelace.a' }, { search: 'alan ad' }, { search: 'g', role: 'admin' }, { search: 'a', status: 'disabled' }, { search: 'nobody' }, { search: '%' }, { search: 'ada_' }])('finds %j once each, on pages of any size', async (filter) => {
    const key = searchKey(filter.search!);
    const wanted = facts.filter((f) => fits(f, filter) && [f.username, f.email, f.fullName, f.fullName.split(' ')[1]!].some((text) => text !== null && searchKey(text).startsWith(key)));
    const whole = await pages(filter, 200);
    expect([...whole].sort()).toEqual(wanted.map((f) => f.id).sort());
    for (const limit of [1, 3]) expect(await pages(filter, limit)).toEqual(whole);
  });
  it('with page numbers', async () => {
    const { users, total } = await pageOfUsers(engine.readModels, 2, 7);
    expect([users.map((u) => u.id), total]).toEqual([byName(facts).slice(7, 14), 60]);
  });
  it('names many at once, and the administrators who can sign in', async () => {
    const names = await namesOfUsers(engine.readModels, ['usr_01', 'usr_nobody', 'usr_02']);
    expect([...names].map(([id, row]) => [id, row.username])).toEqual([['usr_01', 'Grace01'], ['usr_02', 'Alan02']]);
    expect(await activeAdmins(engine.readModels)).toEqual(byName(facts.filter((f) => f.role === 'admin' && !f.disabled)));
  });
});
