import type { Keys } from '#libs/event-sourcing/ports/keys';
import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import { type Clock, systemClock } from '#libs/event-sourcing/running/clock';
import { Connection } from './connection.js';
import { MongodbKeys } from './keys.js';
import { MongodbReadModels } from './read-models.js';
import { MongodbShared } from './shared.js';

const NOT_AUTHENTICATED = 18;

export interface MongoDBOptions {
  /** `mongodb://…` or `mongodb+srv://…`, with TLS and credentials in it */
  url: string;
  /** the databases are `{name}-views`, `-keys` and `-shared`; keys are backed up apart, views not at all */
  name?: string;
  clock?: Clock;
  /** how long (ms) a call may take before it is Unavailable */
  deadlineMs?: number;
  /** connections at most */
  poolSize?: number;
}

export interface MongoDB {
  readModels: ReadModels;
  keys: Keys;
  shared: Shared;
  /** what cannot be used at the moment, and why */
  failing(): Promise<{ part: string; reason: string }[]>;
  /** Ends every connection. */
  close(): Promise<void>;
}

/**
 * Opens views, keys and what processes share in MongoDB, and makes the indexes of keys and shared.
 * @throws Error for a URL that is none, would send a password without TLS, or names a user that the server refuses · Unavailable when no server answers in time
 */
export async function openMongoDB({ url, name = 'heliograph', clock = systemClock, deadlineMs = 4_000, poolSize = 50 }: MongoDBOptions): Promise<MongoDB> {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) throw new Error(`a database is named [A-Za-z0-9_-]+, at most 32 of them, not ${JSON.stringify(name)}`);
  const connection = new Connection(url, clock, deadlineMs, poolSize);
  const [readModels, keys, shared] = [
    new MongodbReadModels(connection, connection.database('views', `${name}-views`)),
    new MongodbKeys(connection, connection.database('keys', `${name}-keys`)),
    new MongodbShared(connection, connection.database('shared', `${name}-shared`)),
  ];
  try {
    await keys.prepare();
    await shared.prepare();
  } catch (error) {
    await connection.close();
    if ((error as { cause?: { code?: unknown } }).cause?.code === NOT_AUTHENTICATED) throw new Error('MongoDB refuses the user and password in the URL', { cause: error });
    throw error;
  }
  return { readModels, keys, shared, failing: () => connection.failing(), close: () => connection.close() };
}
