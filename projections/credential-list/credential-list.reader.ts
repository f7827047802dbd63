import type { ReadModels, StoredRow } from '#libs/event-sourcing/ports/read-models';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { credentialList, type ListedCredential } from './credential-list.projection.js';

export interface CredentialFilter { kind: ListedCredential['kind']; owner?: string }
export interface CredentialPage { credentials: StoredRow<ListedCredential>[]; /** issuedAt and id of the last one; null on the last page */ next: [string, string] | null }

/** Credentials of one kind, newest first; ties by id. `limit` up to 999. */
export async function listCredentials(views: ReadModels, { kind, owner }: CredentialFilter, limit: number, after?: [string, string]): Promise<CredentialPage> {
  const rows = await views.find<ListedCredential>(collectionOf(credentialList), {
    where: { ...(owner === undefined ? {} : { owner: { eq: owner } }), kind: { eq: kind } },
    sort: { by: ['issuedAt', 'id'], descending: true }, ...(after ? { after } : {}), limit: limit + 1,
  });
  const credentials = rows.slice(0, limit);
  const last = credentials.at(-1);
  return { credentials, next: rows.length > limit && last ? [last.row.issuedAt, last.id] : null };
}

/** How many of a kind count and end between two moments (UTC, ISO 8601): from the first on, before the second. */
export const countEnding = (views: ReadModels, kind: ListedCredential['kind'], from: string, to: string): Promise<number> =>
  views.count(collectionOf(credentialList), { kind: { eq: kind }, revokedAt: { eq: null }, expiresAt: { from, to } });
