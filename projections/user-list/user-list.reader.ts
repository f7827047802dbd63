import type { Condition, ReadModels, StoredRow } from '#libs/event-sourcing/ports/read-models';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import type { Role } from '#libs/identity/principal';
import { searchKey, userList, type ListedUser } from './user-list.projection.js';

const COLLECTION = collectionOf(userList);

export interface UserFilter {
  /** the names that everybody may know: no e-mail address is looked at */
  known?: true;
  /** the beginning of a username, an e-mail address, a full name or its last word; cases are one */
  search?: string;
  role?: Role;
  status?: ListedUser['status'];
}
type Attributes = Pick<UserFilter, 'role' | 'status'>;
/** Where a page begins: which of the searches, then the sort key and id of the last row. */
export type UserCursor = [stage: number, key: string, id: string];
export interface UserPage { users: StoredRow<ListedUser>[]; /** null on the last page */ next: UserCursor | null }

/** Searched one after the other, so that a page is served by one index; who was found by an earlier one is passed over. */
const SEARCHED = ['usernameKey', 'emailKey', 'fullNameKey', 'surnameKey'] as const;
/** Rows looked at to fill a page of a search with filters. */
const LOOKED_AT = 500;

/** Accounts by name; of a search by what was found first. `limit` up to 999. */
export async function listUsers(views: ReadModels, { search, known, ...filter }: UserFilter, limit: number, after?: UserCursor): Promise<UserPage> {
  const prefix = search === undefined ? '' : searchKey(search);
  if (prefix !== '') return searched(views, prefix, known ? SEARCHED.filter((field) => field !== 'emailKey') : SEARCHED, filter, limit, after);
  const users = await views.find<ListedUser>(COLLECTION, { where: equal(filter), sort: { by: ['nameKey', 'id'] }, ...(after ? { after: after.slice(1) } : {}), limit: limit + 1 });
  return pageOf(users, limit, (last) => [0, last.row.nameKey, last.id]);
}

async function searched(views: ReadModels, prefix: string, fields: readonly (typeof SEARCHED)[number][], filter: Attributes, limit: number, after?: UserCursor): Promise<UserPage> {
  const found: [number, StoredRow<ListedUser>][] = [];
  let from = after?.slice(1);
  for (let stage = after?.[0] ?? 0; stage < fields.length; stage++, from = undefined) {
    const field = fields[stage]!;
    for (let more = true; more;) {
      const rows: StoredRow<ListedUser>[] = await views.find<ListedUser>(COLLECTION, { where: { [field]: { prefix } }, sort: { by: [field, 'id'] }, ...(from ? { after: from } : {}), limit: LOOKED_AT });
      for (const stored of rows) {
        if (!fits(stored.row, filter) || fields.slice(0, stage).some((earlier) => stored.row[earlier]?.startsWith(prefix))) continue;
        found.push([stage, stored]);
        if (found.length > limit) return pageOf(found, limit, ([at, last]) => [at, last.row[fields[at]!]!, last.id], ([, row]) => row);
      }
      more = rows.length === LOOKED_AT;
      const last = rows.at(-1);
      if (last) from = [last.row[field]!, last.id];
    }
  }
  return { users: found.map(([, row]) => row), next: null };
}

function pageOf<T>(rows: readonly T[], limit: number, cursor: (last: T) => UserCursor, row: (of: T) => StoredRow<ListedUser> = (of) => of as StoredRow<ListedUser>): UserPage {
  const page = rows.slice(0, limit);
  return { users: page.map(row), next: rows.length > limit ? cursor(page.at(-1)!) : null };
}

const fits = (row: ListedUser, { role, status }: Attributes): boolean => (role === undefined || row.role === role) && (status === undefined || row.status === status);
const equal = (filter: Attributes): Record<string, Condition> => Object.fromEntries(Object.entries(filter).flatMap(([field, value]) => (value === undefined ? [] : [[field, { eq: value }]])));

/** A list with page numbers, by name; `page` from 1. */
export async function pageOfUsers(views: ReadModels, page: number, perPage: number): Promise<{ users: StoredRow<ListedUser>[]; total: number }> {
  const [users, total] = await Promise.all([
    views.find<ListedUser>(COLLECTION, { where: {}, sort: { by: ['nameKey', 'id'] }, skip: (page - 1) * perPage, limit: perPage }),
    views.count(COLLECTION, {}),
  ]);
  return { users, total };
}

/** What these accounts are called, in one call; who was deleted is missing. */
export async function namesOfUsers(views: ReadModels, ids: readonly string[]): Promise<Map<string, ListedUser>> {
  const rows = await views.getMany(COLLECTION, ids);
  return new Map([...rows].flatMap(([id, { row }]): [string, ListedUser][] => (row === null ? [] : [[id, row as ListedUser]])));
}

/** Administrators who are not disabled, the first so many by name. */
export async function activeAdmins(views: ReadModels, most = 100): Promise<string[]> {
  const rows = await views.find<ListedUser>(COLLECTION, { where: { role: { eq: 'admin' }, status: { eq: 'active' } }, sort: { by: ['nameKey', 'id'] }, limit: most });
  return rows.map((row) => row.id);
}
