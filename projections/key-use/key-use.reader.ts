import type { ReadModels, StoredRow } from '#libs/event-sourcing/ports/read-models';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { keyUse, type CountedUses, type LoggedUse } from './key-use.projection.js';

const COLLECTION = collectionOf(keyUse);

/** What these keys were used for in all, by key; one that never was is not among them. */
export async function countedUses(views: ReadModels, keys: readonly string[]): Promise<Map<string, CountedUses>> {
  const rows = await views.getMany(COLLECTION, keys);
  return new Map([...rows].flatMap(([key, { row }]) => (row ? [[key, row as CountedUses] as const] : [])));
}

/** One key's log, newest first; ties by id. `limit` up to 999. `next`: at and id of the last one; null on the last page. */
export async function loggedUses(views: ReadModels, key: string, limit: number, after?: readonly [string, string]): Promise<{ uses: StoredRow<LoggedUse>[]; next: [string, string] | null }> {
  const rows = await views.find<LoggedUse>(COLLECTION, { where: { kind: { eq: 'use' }, key: { eq: key } }, sort: { by: ['at', 'id'], descending: true }, ...(after ? { after } : {}), limit: limit + 1 });
  const uses = rows.slice(0, limit);
  const last = uses.at(-1);
  return { uses, next: rows.length > limit && last ? [last.row.at, last.id] : null };
}
