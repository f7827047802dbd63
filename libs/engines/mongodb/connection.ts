import { type Db, MongoError, MongoServerError, type WriteConcernOptions } from 'mongodb';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { LastingClient } from './lasting-client.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Errors of the server that are a defect of ours, or of how it is set up: trying again does not help. */
const DEFECTS = new Set([
  2 /* BadValue */, 9 /* FailedToParse */, 14 /* TypeMismatch */, 26, 27 /* no such collection, index */, 40, 52, 54, 57, 59 /* CommandNotFound */,
  72 /* InvalidOptions */, 73 /* InvalidNamespace */, 85, 86 /* another index of that name */, 238 /* NotImplemented */, 10334 /* BSONObjectTooLarge */, 11000,
]);

export const isDuplicate = (error: unknown): boolean => error instanceof MongoServerError && error.code === 11000;

const fails = (error: unknown): boolean => error instanceof MongoError && !(error instanceof MongoServerError && DEFECTS.has(Number(error.code)));

/** What has a database of its own. */
export type Part = 'views' | 'keys' | 'shared';

/** When a write resolves: keys and rows once another first server would have them too; counters and leases may be forgotten. */
const DURABLE: Record<Part, WriteConcernOptions['writeConcern'] & object> = { views: { w: 'majority' }, keys: { w: 'majority', journal: true }, shared: { w: 1 } };

/** A client, its deadline, and why the last call of each part failed. */
export class Connection {
  readonly #client: LastingClient;
  readonly #failures = new Map<Part, string>();
  readonly #databases = new Map<Part, () => Db>();

  /** @throws Error for a URL that is none, and for a password that would go to another host without TLS (T76) */
  constructor(url: string, readonly clock: Clock, readonly deadlineMs: number, poolSize: number) {
    this.#client = new LastingClient(url, {
      appName: 'heliograph', maxPoolSize: poolSize, ignoreUndefined: false,
      // what was written here is read here, also after another server has become the first
      readPreference: 'primary', readConcern: { level: 'majority' },
    }, clock, deadlineMs);
    const { hosts, credentials, tls, rejectUnauthorized, checkServerIdentity, srvHost } = this.#client.current.options;
    const near = srvHost === undefined && hosts.every(({ host, socketPath }) => socketPath !== undefined || LOOPBACK.test(host ?? ''));
    if (credentials?.password && !near && (!tls || rejectUnauthorized === false || checkServerIdentity)) {
      throw new Error('MongoDB: a password goes to another host over TLS that checks certificates only: add tls=true to the URL, and tlsCAFile where the authority is your own');
    }
  }

  /** The database of a part; to be asked for at each call, as the client may have been replaced. */
  database(part: Part, name: string): () => Db {
    const db = (): Db => this.#client.current.db(name, { writeConcern: DURABLE[part] });
    this.#databases.set(part, db);
    return db;
  }

  /** Runs a call within the deadline. @throws Unavailable when the server is away, slow, or cannot take it */
  async ask<T>(part: Part, call: () => Promise<T>): Promise<T> {
    let stop: () => void = () => undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        stop = this.clock.after(this.deadlineMs, () => reject(new Unavailable(`MongoDB (${part})`, 1000, { cause: new Error(`no answer after ${this.deadlineMs} ms`) })));
      });
      const called = call();
      called.catch(() => undefined); // one that comes after the deadline is nobody's
      const answer = await Promise.race([called, late]);
      this.#failures.delete(part);
      return answer;
    } catch (error) {
      if (!(error instanceof Unavailable) && !fails(error)) throw error;
      const said = error instanceof Unavailable ? (error.cause as Error | undefined) ?? error : (error as Error);
      this.#failures.set(part, said.message);
      this.#client.refused();
      throw error instanceof Unavailable ? error : new Unavailable(`MongoDB (${part})`, 1000, { cause: error });
    } finally { stop(); }
  }

  /** What cannot be used now, and why. Asks the server; a part whose last call failed is tried by writing, as reading may go on where the disk is full. */
  async failing(): Promise<{ part: string; reason: string }[]> {
    await Promise.all([...this.#databases].map(([part, db]) => this.ask(part, async () => {
      if (this.#failures.has(part)) await db().collection<{ _id: string }>('probe').updateOne({ _id: 'probe' }, { $inc: { n: 1 } }, { upsert: true });
      else await db().command({ ping: 1 });
    }).catch(() => undefined)));
    return [...this.#failures].map(([part, reason]) => ({ part, reason }));
  }

  async close(): Promise<void> { await this.#client.close(); }
}
