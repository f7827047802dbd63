import type { Collection, Document, IndexDescription } from 'mongodb';

/** The server's code for a collection that is not there. */
export const GONE = 26;

/** Makes those indexes that are missing; none where all are there, which not every server takes well. Answers the names of those that were there, the one on `_id` left out. */
export async function addIndexes<T extends Document>(to: Collection<T>, wanted: readonly (IndexDescription & { name: string })[]): Promise<string[]> {
  const found = await to.indexes().catch((error: { code?: number }) => { if (error.code !== GONE) throw error; return []; });
  const there = found.flatMap(({ name }) => (name === undefined || name === '_id_' ? [] : [name]));
  const missing = wanted.filter(({ name }) => !there.includes(name));
  if (missing.length > 0) await to.createIndexes(missing);
  return there;
}
