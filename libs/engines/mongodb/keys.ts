import { Binary, type Collection as Stored, type Db } from 'mongodb';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { KeyCandidate, KeyRecord, Keys } from '#libs/event-sourcing/ports/keys';
import { type Connection, isDuplicate } from './connection.js';
import { gathered } from './gathered.js';
import { addIndexes } from './indexes.js';

/**
 * A key, or another hash that leads to one. One document holds the hash and the material, and the hash is unique over
 * both kinds: whoever inserts first has won, and forgetting a key is one step.
 */
interface KeyDocument {
  /** the key's id; `also:{hash}` of another hash */
  _id: string;
  /** `forgotten:{id}` once it is destroyed; that of a period stays, so that it is never issued again */
  hash: string;
  kind: 'key' | 'forgotten' | 'also';
  wrapped?: Binary;
  /** of another hash: the key's id */
  of?: string;
}
interface Constant { _id: string; value: Binary }
type Answer = KeyRecord | 'forgotten';

const ROUNDS = 8;
const ASK = 500; // in one query
const isPeriod = (hash: string): boolean => hash.startsWith('period:');
const binary = (bytes: Uint8Array): Binary => new Binary(bytes);
const answerOf = ({ _id, kind, wrapped }: KeyDocument): Answer => (kind === 'key' && wrapped ? { id: _id, wrapped: bytesOf(wrapped) } : 'forgotten');
const bytesOf = (value: Binary): Uint8Array => Buffer.from(value.value());

/** The key directory in MongoDB, in a database of its own. What resolves is on the disks of most servers; what is read, too. */
export class MongodbKeys implements Keys {
  constructor(readonly connection: Connection, readonly db: () => Db) {}

  get #keys(): Stored<KeyDocument> { return this.db().collection('keys'); }
  get #constants(): Stored<Constant> { return this.db().collection('constants'); }

  /** Once, before anything else: without its unique index two could win. */
  async prepare(): Promise<void> {
    await this.#ask(() => addIndexes(this.#keys, [
      { name: 'hash', key: { hash: 1 }, unique: true }, { name: 'kind', key: { kind: 1, _id: 1 } }, { name: 'of', key: { of: 1 } },
    ]));
  }

  claim(candidates: readonly KeyCandidate[]): Promise<Answer[]> { return this.#claimed(candidates); }

  /** Whoever claims at once, each request for a number that is new, shares a call. */
  readonly #claimed = gathered<readonly KeyCandidate[], Answer[]>(ASK, async (calls) => {
    const answers = await this.#claim(calls.flat());
    let from = 0;
    return calls.map(({ length }) => answers.slice(from, from += length));
  }, (candidates) => candidates.length);

  async #claim(candidates: readonly KeyCandidate[]): Promise<Answer[]> {
    const first = new Map<string, KeyCandidate>();
    for (const c of candidates) if (!first.has(c.hash)) first.set(c.hash, c);
    const answers = new Map<string, Answer>();
    for (let round = 0; first.size > 0; round++) {
      if (round === ROUNDS) throw new Unavailable('MongoDB (keys)');
      // most are new, as what is known here is remembered: one call makes them, and only where somebody was before are they looked for
      for (const [hash, answer] of round === 0 ? [] : await this.#under([...first.keys()])) { answers.set(hash, answer); first.delete(hash); }
      const missing = [...first.values()];
      if (missing.length === 0) break;
      // hardly ever is an id there under another hash: looked for only once an insert has failed
      const ids = round === 0 ? new Map<string, KeyDocument>() : await this.#documents('_id', missing.map((c) => c.id));
      const fresh = new Map<string, KeyDocument>();
      for (const { hash, id, wrapped } of missing) {
        const there = ids.get(id);
        if (there && there.kind !== 'key') { answers.set(hash, 'forgotten'); first.delete(hash); }
        else if (there) fresh.set(`also:${hash}`, { _id: `also:${hash}`, hash, kind: 'also', of: id });
        else if (!fresh.has(id)) fresh.set(id, { _id: id, hash, kind: 'key', wrapped: binary(wrapped) });
      }
      // of a batch in which somebody lost, all look again: the winner's answer is then on most servers, too
      if (fresh.size === 0 || !(await this.#insert([...fresh.values()]))) continue;
      for (const d of fresh.values()) if (d.kind === 'key') { answers.set(d.hash, answerOf(d)); first.delete(d.hash); }
    }
    return candidates.map((c) => answers.get(c.hash)!);
  }

  async find(hashes: readonly string[]): Promise<(string | null)[]> {
    const found = await this.#documents('hash', hashes);
    const others = await this.#documents('_id', [...found.values()].flatMap((d) => (d.kind === 'also' ? [d.of!] : [])));
    return hashes.map((hash) => {
      const d = found.get(hash);
      if (!d) return null;
      if (d.kind !== 'also') return d._id;
      return others.get(d.of!)?.kind === 'key' ? d.of! : null;
    });
  }

  keys(ids: readonly string[]): Promise<Map<string, Answer>> { return this.#read(ids); }

  /** So does whoever reads at once: each attempt for its number. */
  readonly #read = gathered<readonly string[], Map<string, Answer>>(ASK, async (calls) => {
    const found = await this.#documents('_id', calls.flat());
    return calls.map((ids) => new Map(ids.flatMap((id): [string, Answer][] => {
      const d = found.get(id);
      return d && d.kind !== 'also' ? [[id, answerOf(d)]] : [];
    })));
  }, (ids) => ids.length);

  async forget(ids: readonly string[]): Promise<void> {
    const found = await this.#documents('_id', ids);
    const keys = [...found.values()].filter((d) => d.kind !== 'also');
    for (const { _id, hash } of keys) {
      await this.#ask(() => this.#keys.updateOne({ _id }, { $set: { kind: 'forgotten', ...(!isPeriod(hash) && { hash: `forgotten:${_id}` }) }, $unset: { wrapped: '' } }));
    }
    // another hash that is made at this moment leads to nothing, and whoever finds it clears it away
    const gone = keys.map((d) => d._id);
    if (gone.length > 0) await this.#ask(() => this.#keys.deleteMany({ of: { $in: gone } }));
  }

  async rewrap(records: readonly KeyRecord[]): Promise<void> {
    for (const { id, wrapped } of records) await this.#ask(() => this.#keys.updateOne({ _id: id, kind: 'key' }, { $set: { wrapped: binary(wrapped) } }));
  }

  async list(after: string | null, limit: number): Promise<KeyRecord[]> {
    const found = await this.#ask(() => this.#keys.find({ kind: 'key', ...(after !== null && { _id: { $gt: after } }) }).sort({ _id: 1 }).limit(limit).toArray());
    return found.map((d) => answerOf(d) as KeyRecord);
  }

  async constant(name: string, value: Uint8Array): Promise<Uint8Array> {
    for (let round = 0; round < ROUNDS; round++) {
      const there = await this.#ask(() => this.#constants.findOne({ _id: name }));
      if (there) return bytesOf(there.value);
      await this.#ask(() => this.#constants.insertOne({ _id: name, value: binary(value) })).catch((error) => { if (!isDuplicate(error)) throw error; });
    }
    throw new Unavailable('MongoDB (keys)');
  }

  /** What stands under these hashes; another hash of a key that was forgotten stands in nobody's way. */
  async #under(hashes: readonly string[]): Promise<Map<string, Answer>> {
    const found = await this.#documents('hash', hashes);
    const others = await this.#documents('_id', [...found.values()].flatMap((d) => (d.kind === 'also' ? [d.of!] : [])));
    const answers = new Map<string, Answer>();
    for (const [hash, d] of found) {
      const key = d.kind === 'also' ? others.get(d.of!) : d;
      if (key && (d.kind !== 'also' || key.kind === 'key')) answers.set(hash, answerOf(key));
      else await this.#ask(() => this.#keys.deleteOne({ _id: d._id, kind: 'also' }));
    }
    return answers;
  }

  async #documents(by: '_id' | 'hash', values: readonly string[]): Promise<Map<string, KeyDocument>> {
    const asked = [...new Set(values)];
    const found = new Map<string, KeyDocument>();
    for (let i = 0; i < asked.length; i += ASK) {
      for (const d of await this.#ask(() => this.#keys.find({ [by]: { $in: asked.slice(i, i + ASK) } }, { batchSize: ASK + 1 }).toArray())) found.set(d[by], d);
    }
    return found;
  }

  /** False when some of them were there. */
  async #insert(documents: KeyDocument[]): Promise<boolean> {
    try { await this.#ask(() => this.#keys.insertMany(documents, { ordered: false })); return true; }
    catch (error) { if (isDuplicate(error)) return false; throw error; }
  }

  #ask<T>(call: () => Promise<T>): Promise<T> { return this.connection.ask('keys', call); }
}
