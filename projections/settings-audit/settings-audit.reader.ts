import type { Query, ReadModels, StoredRow } from '#libs/event-sourcing/ports/read-models';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { settingsAudit, type AuditedSetting } from './settings-audit.projection.js';

export interface AuditFilter {
  /** owner id, or `local` */
  by?: string;
  /** `{category}.{name}`; it names the category too */
  name?: string;
  category?: string;
  /** UTC, ISO 8601; from ≤ at < to */
  from?: string;
  to?: string;
}
export interface AuditPage { changes: StoredRow<AuditedSetting>[]; /** at and id of the last one; null on the last page */ next: [string, string] | null }

/** Changed settings, newest first; ties by id. `limit` up to 999. */
export async function listChanges(views: ReadModels, { by, name, category, from, to }: AuditFilter, limit: number, after?: [string, string]): Promise<AuditPage> {
  const where: Query['where'] = {
    ...(by === undefined ? {} : { by: { eq: by } }),
    ...(name !== undefined ? { name: { eq: name } } : category !== undefined ? { category: { eq: category } } : {}),
    ...(from === undefined && to === undefined ? {} : { at: { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) } }),
  };
  const rows = await views.find<AuditedSetting>(collectionOf(settingsAudit), { where, sort: { by: ['at', 'id'], descending: true }, ...(after ? { after } : {}), limit: limit + 1 });
  const changes = rows.slice(0, limit);
  const last = changes.at(-1);
  return { changes, next: rows.length > limit && last ? [last.row.at, last.id] : null };
}
