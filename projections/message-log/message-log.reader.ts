import type { ReadModels, Query, StoredRow, Value } from '#libs/event-sourcing/ports/read-models';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { messageLog, type LoggedMessage } from './message-log.projection.js';

export interface MessageFilter {
  /** null: every owner's (administrators) */
  owner: string | null;
  status?: string;
  /** id of the subject that the number belongs to */
  subject?: string;
  batch?: string;
  /** UTC, ISO 8601; from ≤ accepted < to */
  from?: string;
  to?: string;
}
export interface MessagePage { messages: StoredRow<LoggedMessage>[]; /** acceptedAt and id of the last row looked at, never another owner's; null on the last page */ next: [string, string] | null }

/** A page is filled from at most so many rows, where a filter is not the index's own; a shorter page may then have a next one. */
const SCAN = 1_000;

/** Newest first; ties by id. */
export async function listMessages(views: ReadModels, f: MessageFilter, limit: number, after?: [string, string]): Promise<MessagePage> {
  const { indexed, rest } = plan(f);
  const range: Query['where'] = f.from !== undefined || f.to !== undefined ? { acceptedAt: { ...(f.from ? { from: f.from } : {}), ...(f.to ? { to: f.to } : {}) } } : {};
  const exact = Object.keys(rest).length === 0;
  const query: Query = { where: { ...indexed, ...range }, sort: { by: ['acceptedAt', 'id'], descending: true }, limit: exact ? limit + 1 : SCAN, ...(after ? { after } : {}) };
  const rows = await views.find<LoggedMessage>(collectionOf(messageLog), query);
  const matching = exact ? rows : rows.filter(({ row }) => Object.entries(rest).every(([field, value]) => row[field as keyof LoggedMessage] === value));
  const messages = matching.slice(0, limit);
  const more = matching.length > limit || (!exact && rows.length === SCAN);
  const last = messages.length === limit ? messages.at(-1) : rows.at(-1);
  return { messages, next: more && last ? [last.row.acceptedAt, last.id] : null };
}

/**
 * The most selective index, and what it leaves to be compared row by row. The owner is always the index's own: a cursor is
 * made of the last row that was looked at, and must never tell of a row that the reader may not see.
 */
function plan({ owner, status, subject, batch }: MessageFilter): { indexed: Query['where']; rest: Record<string, Value> } {
  const given: Record<string, Value> = { ...(owner === null ? {} : { owner }), ...(status ? { status } : {}), ...(subject ? { subject } : {}), ...(batch ? { batch } : {}) };
  const own = owner === null ? [] : ['owner'];
  const by = batch ? [...own, 'batch'] : subject ? [...own, 'subject'] : Object.keys(given);
  const indexed = Object.fromEntries(by.map((f) => [f, { eq: given[f]! }]));
  return { indexed, rest: Object.fromEntries(Object.entries(given).filter(([f]) => !by.includes(f))) };
}
