import { type Db, MongoClient, MongoError, MongoServerError } from 'mongodb';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Errors of the server that are a defect of ours, or of how it is set up: trying again does not help. */
const DEFECTS = new Set([
  2 /* BadValue */, 9 /* FailedToParse */, 14 /* TypeMismatch */, 26, 27 /* no such collection, index */, 40, 52, 54, 57, 59 /* CommandNotFound */,
  72 /* InvalidOptions */, 73 /* InvalidNamespace */, 85, 86 /* another index of that name */, 238 /* NotImplemented */, 10334 /* BSONObjectTooLarge */, 11000,
]);

export const isDuplicate = (error: unknown): boolean => error instanceof MongoServerError && error.code === 11000;

const fails = (error: unknown): boolean => error instanceof MongoError && !(error instanceof MongoServerError && DEFECTS.has(Number(error.code)));

/** A client, its deadline, and why the last call of each part failed. */
export class Connection {
  readonly #client: MongoClient;
  readonly #failures = new Map<string, string>();

  /** @throws Error for a URL that is none, and for a password that would go to another host without TLS (T76) */
  constructor(url: string, readonly clock: Clock, readonly deadlineMs: number, poolSize: number) {
    this.#client = new MongoClient(url, {
      appName: 'heliograph', maxPoolSize: poolSize, ignoreUndefined: false,
      serverSelectionTimeoutMS: deadlineMs, connectTimeoutMS: deadlineMs, socketTimeoutMS: deadlineMs, waitQueueTimeoutMS: deadlineMs,
      // what was written here is read here, also after another server has become the first
      readPreference: 'primary', readConcern: { level: 'majority' },
    });
    const { hosts, credentials, tls, tlsAllowInvalidCertificates, tlsAllowInvalidHostnames } = this.#client.options;
    const near = this.#client.options.srvHost === undefined && hosts.every(({ host, socketPath }) => socketPath !== undefined || LOOPBACK.test(host ?? ''));
    if (credentials?.password && !near && (!tls || tlsAllowInvalidCertificates || tlsAllowInvalidHostnames)) {
      throw new Error('MongoDB: a password goes to another host over TLS that checks certificates only: add tls=true to the URL, and tlsCAFile where the authority is your own');
    }
  }

  /** A database whose writes are on the disk of most servers when they resolve. */
  database(name: string): Db { return this.#client.db(name, { writeConcern: { w: 'majority', journal: true } }); }

  /** Runs a call within the deadline. @throws Unavailable when the server is away, slow, or cannot take it */
  async ask<T>(part: string, call: () => Promise<T>): Promise<T> {
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
      throw error instanceof Unavailable ? error : new Unavailable(`MongoDB (${part})`, 1000, { cause: error });
    } finally { stop(); }
  }

  /** Why the last call of each part failed; a part that failed is tried again first. */
  async failing(): Promise<{ part: string; reason: string }[]> {
    await Promise.all([...this.#failures.keys()].map((part) => this.ask(part, () => this.#client.db('admin').command({ ping: 1 })).catch(() => undefined)));
    return [...this.#failures].map(([part, reason]) => ({ part, reason }));
  }

  async close(): Promise<void> { await this.#client.close(true); }
}
