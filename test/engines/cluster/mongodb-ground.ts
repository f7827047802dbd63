import { MongoClient } from 'mongodb';

/** Where the server of these tests is. @throws Error, saying how to start one, where the variable is missing */
export function serverUrl(): string {
  const url = process.env['MONGODB_URL'];
  if (!url) throw new Error('MONGODB_URL is not set: `npm run test:engines` starts what is missing');
  return url;
}

export async function withClient<T>(url: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 20_000 });
  try { return await work(client); } finally { await client.close(); }
}

export const dropDatabases = (url: string, database: string): Promise<void> =>
  withClient(url, async (client) => { for (const part of ['views', 'keys', 'shared']) await client.db(`${database}-${part}`).dropDatabase(); });
