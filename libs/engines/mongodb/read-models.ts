import type { Db } from 'mongodb';
import type { Position } from '#libs/event-sourcing/event';
import type { Collection, Mark, Query, ReadModels, RowChange, StoredRow } from '#libs/event-sourcing/ports/read-models';
import type { Row } from '#libs/event-sourcing/projection';
import { type Indexed, indexed } from '#libs/event-sourcing/running/served-by';
import { type Connection, isDuplicate } from './connection.js';
import { type Definition, Definitions, dropped } from './definitions.js';
import { orderKey, spelled, unspelled } from './order-key.js';
import { type RowDocument, countedFor, foundBy } from './row-query.js';

const ROW = { _id: 1, 'v.position': 1, 'v.row': 1 } as const;
const IDS = 500; // in one query
/** rows in one command, and commands at once: a server that takes writes one by one is not asked for long */
const WRITE = 50, WRITES = 4;

/** A change and its place among the writes: see `RowDocument`. */
type Turn = RowChange & { turn: number };
type Read = { _id: string; v: Pick<RowDocument['v'], 'position' | 'row'> };

/** Views in MongoDB. What a row is there: `RowDocument`. */
export class MongodbReadModels implements ReadModels {
  readonly #defined = new Map<string, Indexed>();
  readonly #definitions: Definitions;
  /** the one of each name that is written to: what was folded for one that was dropped must not come into the next */
  readonly #written = new Map<string, string>();
  /** those made anew since, whose writers have yet to be told: by refusing once, so that they begin again */
  readonly #moved = new Set<string>();
  #turn: number;

  constructor(readonly connection: Connection, db: () => Db) {
    this.#definitions = new Definitions(connection, db);
    this.#turn = -1000 * connection.clock.now().getTime();
  }

  async define({ name, indexes }: Collection): Promise<void> {
    const of = indexed(name, indexes);
    const { born } = await this.#definitions.define(of);
    const before = this.#written.get(name);
    if (before !== undefined && before !== born) this.#moved.add(name);
    this.#written.set(name, born);
    this.#defined.set(name, of);
  }

  async get<R extends Row>(collection: string, id: string): Promise<StoredRow<R> | null> {
    const found = (await this.getMany(collection, [id])).get(id);
    return found && found.row !== null ? (found as StoredRow<R>) : null;
  }

  async getMany(collection: string, ids: readonly string[]): Promise<Map<string, RowChange>> {
    this.#of(collection);
    const found = new Map<string, RowChange>();
    if (ids.length === 0) return found;
    const rows = this.#definitions.rows(await this.#definitions.of(collection));
    for (let i = 0; i < ids.length; i += IDS) {
      const some = ids.slice(i, i + IDS).map(spelled);
      // one id is asked for as one: the commonest question
      const documents = await this.#ask(() => rows.find<Read>({ _id: some.length === 1 ? some[0]! : { $in: some } }, { projection: ROW, batchSize: IDS + 1 }).toArray());
      for (const d of documents) {
        const id = unspelled(d._id);
        found.set(id, { id, position: d.v.position, row: d.v.row === null ? null : JSON.parse(d.v.row) as Row });
      }
    }
    return found;
  }

  async find<R extends Row>(collection: string, query: Query): Promise<StoredRow<R>[]> {
    const plan = foundBy(this.#of(collection), query);
    if (!plan) return [];
    const rows = this.#definitions.rows(await this.#definitions.of(collection));
    const { filter, sort, skip, limit, hint } = plan;
    const found = await this.#ask(() => rows.find<Read>(filter, { projection: ROW, sort, skip, limit, hint, batchSize: limit + 1 }).toArray());
    return found.map(({ _id, v }) => ({ id: unspelled(_id), position: v.position, row: JSON.parse(v.row!) as R }));
  }

  async count(collection: string, where: Query['where']): Promise<number> {
    const plan = countedFor(this.#of(collection), where);
    if (!plan) return 0;
    const rows = this.#definitions.rows(await this.#definitions.of(collection));
    return this.#ask(() => rows.countDocuments(plan.filter, { hint: plan.hint }));
  }

  async apply(collection: string, rows: readonly RowChange[], checkpoint: Position | null, mark?: Mark): Promise<void> {
    this.#of(collection);
    const newest = new Map<string, RowChange>();
    for (const change of rows) {
      const before = newest.get(change.id);
      if (!before || change.position > before.position) newest.set(change.id, change);
    }
    const changes = [...newest.values()].map((change) => ({ ...change, turn: this.#turn -= 2 }));
    for (let tries = 0; tries < 2; tries++) {
      const definition = await this.#definitions.of(collection);
      if (this.#moved.delete(collection) || definition.born !== this.#written.get(collection)) throw dropped(collection);
      await this.#write(definition, changes);
      if (await this.#definitions.confirmed(definition, checkpoint, mark)) return;
      for (const change of changes) change.turn++; // over what was just written, for other fields
    }
    throw dropped(collection);
  }

  async checkpoint(collection: string): Promise<Position | null> {
    const found = await this.#ask(() => this.#definitions.all.findOne({ _id: collection }));
    return found?.checkpoint ?? null;
  }

  async mark(collection: string): Promise<Mark | null> {
    const found = await this.#ask(() => this.#definitions.all.findOne({ _id: collection }));
    return found?.mark ?? null;
  }

  async drop(collection: string): Promise<void> {
    indexed(collection, {});
    this.#defined.delete(collection);
    this.#written.delete(collection);
    this.#moved.delete(collection);
    await this.#definitions.drop(collection);
  }

  async collections(): Promise<{ name: string; rows: number; checkpoint: Position | null }[]> {
    const all = await this.#ask(() => this.#definitions.all.find().sort({ _id: 1 }).toArray());
    return Promise.all(all.map(async (d) => ({
      name: d._id, rows: await this.#ask(() => this.#definitions.rows(d).countDocuments({ 'v.live': 1 })), checkpoint: d.checkpoint,
    })));
  }

  async #write(definition: Definition, changes: readonly Turn[]): Promise<void> {
    const stored = this.#definitions.rows(definition);
    const fields = JSON.parse(definition.fields) as string[];
    const writes = changes.map((change) => ({
      updateOne: { filter: { _id: spelled(change.id) }, update: { $max: { v: valueOf(change, fields) } }, upsert: true },
    }));
    const batches = Array.from({ length: Math.ceil(writes.length / WRITE) }, (_, i) => writes.slice(i * WRITE, (i + 1) * WRITE));
    // all of them end before anybody is told: what is still under way would come after the next batch
    const ended = await Promise.allSettled(Array.from({ length: WRITES }, async (_, lane) => {
      for (let i = lane; i < batches.length; i += WRITES) {
        const write = (): Promise<unknown> => this.#ask(() => stored.bulkWrite(batches[i]!, { ordered: false }));
        // two that make the same row at once: the server tries again by itself, not in every case
        await write().catch((error) => { if (!isDuplicate(error)) throw error; return write(); });
      }
    }));
    const failed = ended.find((e) => e.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #of(collection: string): Indexed {
    const defined = this.#defined.get(collection);
    if (!defined) throw new Error(`the collection ${collection} is not defined`);
    return defined;
  }

  #ask<T>(call: () => Promise<T>): Promise<T> { return this.connection.ask('views', call); }
}

function valueOf({ position, turn, row }: Turn, fields: readonly string[]): RowDocument['v'] {
  const keys: Record<`f_${string}`, string> = {};
  if (row !== null) for (const f of fields) keys[`f_${f}`] = orderKey(row[f], f);
  return { position, turn, live: row === null ? 0 : 1, row: row === null ? null : JSON.stringify(row), ...keys };
}
