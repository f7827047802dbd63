import type { Collection as Stored, Db } from 'mongodb';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import { type Connection, isDuplicate } from './connection.js';
import { gathered } from './gathered.js';
import { addIndexes } from './indexes.js';

/** `endsAt`: milliseconds since 1970 */
interface Window { _id: string; total: number; endsAt: number }
type Counted = Awaited<ReturnType<Shared['add']>>;
interface Lease { _id: string; holder: string; endsAt: number }

const ROUNDS = 8;
const ADDS = 1000; // to one counter, in one call
/** Windows that ended so long ago (ms) are removed, so often (ms). */
const SWEEP_MS = 60_000;
/** How far hosts' clocks may be apart (ms). */
const TOLERANCE_MS = 4_000;

/**
 * Counters and leases in MongoDB, each one step on one document. Time is the wall clock of whoever asks, never the
 * server's: hosts agree within seconds, so a window or a lease may end that much early or late, and nothing more hangs on it. What a
 * host wrote whose clock was further ahead does not hold for as long as it was wrong: a window is cut to its length by
 * whoever adds to it, and a lease that is not prolonged is taken over by whoever watched it for its time.
 */
export class MongodbShared implements Shared {
  /** counters that somebody adds to now */
  readonly #adding = new Map<string, { waiting: number; call: (n: number) => Promise<Counted> }>();
  /** leases of others: how each was found last, and since when (monotonic, ms) it is so */
  readonly #watched = new Map<string, { endsAt: number; since: number }>();
  #swept: number;

  constructor(readonly connection: Connection, readonly db: () => Db) {
    this.#swept = connection.clock.monotonic();
  }

  get #windows(): Stored<Window> { return this.db().collection('windows'); }
  get #leases(): Stored<Lease> { return this.db().collection('leases'); }

  /** Once, before anything else. */
  async prepare(): Promise<void> {
    await this.#ask(() => addIndexes(this.#windows, [{ name: 'ends', key: { endsAt: 1 } }]));
  }

  /** Who adds to one counter while that is under way shares the next call: a principal's is asked for with each of his requests. */
  add(key: string, n: number, windowMs: number): Promise<Counted> {
    this.#sweep();
    const counter = `${windowMs} ${key}`;
    let add = this.#adding.get(counter);
    if (!add) {
      add = { waiting: 0, call: gathered(ADDS, async (all: readonly number[]) => {
        const sum = all.reduce((a, b) => a + b, 0);
        const { total, resetMs } = await this.#add(key, sum, windowMs);
        let before = total - sum;
        return all.map((one) => ({ total: before += one, resetMs }));
      }) };
      this.#adding.set(counter, add);
    }
    add.waiting++;
    return add.call(n).finally(() => { if (--add.waiting === 0) this.#adding.delete(counter); });
  }

  async #add(key: string, n: number, windowMs: number): Promise<Counted> {
    const now = this.#now();
    const answer = ({ total, endsAt }: Window): { total: number; resetMs: number } => ({ total, resetMs: Math.min(windowMs, endsAt - now) });
    for (let round = 0; round < ROUNDS; round++) {
      const running = await this.#ask(() => this.#windows.findOneAndUpdate({ _id: key, endsAt: { $gt: now } }, { $inc: { total: n }, $min: { endsAt: now + windowMs } }, { returnDocument: 'after' }));
      if (running) return answer(running);
      const begun = await this.#unlessTaken(() => this.#windows.findOneAndUpdate(
        { _id: key, endsAt: { $lte: now } }, { $set: { total: n, endsAt: now + windowMs } }, { upsert: true, returnDocument: 'after' }));
      if (begun) return answer(begun);
    }
    throw new Unavailable('MongoDB (shared)');
  }

  async lease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const now = this.#now();
    const mine = await this.#unlessTaken(() => this.#leases.findOneAndUpdate(
      { _id: name, $or: [{ holder }, { endsAt: { $lte: now } }] }, { $set: { holder, endsAt: now + ttlMs } }, { upsert: true, returnDocument: 'after' }));
    if (mine === null) return this.#takeOver(name, holder, ttlMs);
    this.#watched.delete(name);
    return true;
  }

  /** Takes the lease of a host whose clock was ahead, and which prolongs it no more. */
  async #takeOver(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const theirs = await this.#ask(() => this.#leases.findOne({ _id: name }));
    if (!theirs) return false;
    const at = this.connection.clock.monotonic();
    const watched = this.#watched.get(name);
    if (watched?.endsAt !== theirs.endsAt) {
      this.#watched.set(name, { endsAt: theirs.endsAt, since: at });
      return false;
    }
    if (at - watched.since <= ttlMs + TOLERANCE_MS) return false;
    const { matchedCount } = await this.#ask(() => this.#leases.updateOne({ _id: name, holder: theirs.holder, endsAt: theirs.endsAt }, { $set: { holder, endsAt: this.#now() + ttlMs } }));
    this.#watched.delete(name);
    return matchedCount > 0;
  }

  /** Null when another has made the document meanwhile, or holds it. */
  async #unlessTaken<T>(call: () => Promise<T>): Promise<T | null> {
    try { return await this.#ask(call); }
    catch (error) { if (isDuplicate(error)) return null; throw error; }
  }

  /** Takes windows away that nobody asked for again; now and then, beside a call. */
  #sweep(): void {
    const at = this.connection.clock.monotonic();
    if (at - this.#swept < SWEEP_MS) return;
    this.#swept = at;
    this.#ask(() => this.#windows.deleteMany({ endsAt: { $lt: this.#now() - SWEEP_MS } })).catch(() => undefined); // the next one does it
  }

  #now(): number { return this.connection.clock.now().getTime(); }
  #ask<T>(call: () => Promise<T>): Promise<T> { return this.connection.ask('shared', call); }
}
