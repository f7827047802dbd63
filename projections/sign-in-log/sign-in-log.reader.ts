import type { ReadModels, StoredRow } from '#libs/event-sourcing/ports/read-models';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { signInLog, type LoggedSignIn } from './sign-in-log.projection.js';

export interface SignInPage { signIns: StoredRow<LoggedSignIn>[]; /** moment and id of the last one; null on the last page */ next: [string, string] | null }

const page = (rows: StoredRow<LoggedSignIn>[], limit: number, by: (row: LoggedSignIn) => string): SignInPage => {
  const signIns = rows.slice(0, limit), last = signIns.at(-1);
  return { signIns, next: rows.length > limit && last ? [by(last.row), last.id] : null };
};

/** One user's sign-ins, granted and refused (null: everybody's, for administrators), newest first. `limit` up to 999. */
export async function listSignIns(views: ReadModels, user: string | null, limit: number, after?: [string, string]): Promise<SignInPage> {
  const rows = await views.find<LoggedSignIn>(collectionOf(signInLog), {
    where: user === null ? {} : { user: { eq: user } }, sort: { by: ['at', 'id'], descending: true }, ...(after ? { after } : {}), limit: limit + 1,
  });
  return page(rows, limit, (row) => row.at);
}

/** When this user last signed in; null: never. */
export async function lastSignIn(views: ReadModels, user: string): Promise<string | null> {
  const [newest] = await views.find<LoggedSignIn>(collectionOf(signInLog), { where: { user: { eq: user }, granted: { eq: true } }, sort: { by: ['at', 'id'], descending: true }, limit: 1 });
  return newest?.row.at ?? null;
}

/**
 * Sessions of a user that nobody ended, last used first.
 * @param epoch the user's `sessionEpoch`: those of another were ended all together
 * @param usedSince older ones have neither a cookie nor a token left (UTC, ISO 8601)
 */
export async function listSessions(views: ReadModels, { user, epoch, usedSince }: { user: string; epoch: number; usedSince: string }, limit: number, after?: [string, string]): Promise<SignInPage> {
  const rows = await views.find<LoggedSignIn>(collectionOf(signInLog), {
    where: { user: { eq: user }, live: { eq: true }, epoch: { eq: epoch }, usedAt: { from: usedSince } }, sort: { by: ['usedAt', 'id'], descending: true }, ...(after ? { after } : {}), limit: limit + 1,
  });
  return page(rows, limit, (row) => row.usedAt!);
}
