import { randomUUID } from 'node:crypto';
import type { Collection as Stored, Db } from 'mongodb';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import type { Mark } from '#libs/event-sourcing/ports/read-models';
import type { Indexed } from '#libs/event-sourcing/running/served-by';
import { type Connection, isDuplicate } from './connection.js';
import { GONE, addIndexes } from './indexes.js';
import { orderKey } from './order-key.js';
import { type RowDocument, fieldsOf, indexesOf } from './row-query.js';

/** What is known of a collection beside its rows. */
export interface Definition {
  /** its name */
  _id: string;
  /** drawn when it is made: its rows lie in a collection of that name, so that what is still written for a dropped one is in nobody's way */
  born: string;
  /** the fields that rows carry order keys for, as JSON */
  fields: string;
  /** the same, once every row carries them */
  filled?: string;
  checkpoint: Position | null;
  /** its first field is its position: of two marks the later one is greater; none where rows were written before there were marks */
  mark?: Mark;
}

/** How long (ms) a process may go on with what it knows of a collection that another has made anew. */
const KNOWN_MS = 1000;
const PAGE = 200;

export const dropped = (name: string): Unavailable => new Unavailable(`the view ${name}`, 1000, { cause: new Error('it was dropped: whoever follows the log into it begins again') });

/** The collections that there are, in the views' database, and where their rows lie. */
export class Definitions {
  readonly #known = new Map<string, { definition: Definition; readAt: number }>();
  constructor(readonly connection: Connection, readonly db: () => Db) {}

  get all(): Stored<Definition> { return this.db().collection<Definition>('collections'); }
  rows({ _id, born }: Definition): Stored<RowDocument> { return this.db().collection<RowDocument>(`rows.${_id}.${born}`); }

  /**
   * Makes the collection, or gives the one that is there these indexes too; other processes, also of another version, may do
   * the same at the same time: nothing is taken away from them. Answers which one it is.
   */
  async define(of: Indexed): Promise<Definition> {
    const definition = (await this.#found(of.name)) ?? (await this.#make(of.name, JSON.stringify(fieldsOf(of))));
    await this.#clear(of.name);
    const fields = await this.#widened(definition, fieldsOf(of));
    // who wrote rows without these fields just now reads the definition after it and writes them again: see `confirmed`
    if (definition.filled !== fields) await this.#fill(definition, of.name, fields);
    await this.#ask(() => addIndexes(this.rows(definition), indexesOf(of)));
    this.#known.delete(of.name);
    return definition;
  }

  /** @throws Unavailable when it has gone: it is made again by whoever follows the log into it */
  async of(name: string): Promise<Definition> {
    const known = this.#known.get(name);
    if (known && this.connection.clock.monotonic() - known.readAt < KNOWN_MS) return known.definition;
    const definition = await this.#found(name);
    if (!definition) throw dropped(name);
    this.#known.set(name, { definition, readAt: this.connection.clock.monotonic() });
    return definition;
  }

  /**
   * Notes how far the log was seen, after the rows are written; false when the collection is no longer the one that
   * they were written for, or wants more fields: then they are to be written again.
   */
  async confirmed({ _id, born, fields }: Definition, checkpoint: Position | null, mark?: Mark): Promise<boolean> {
    const now = checkpoint === null
      ? await this.#ask(() => this.all.findOne({ _id, born, fields }, { projection: { _id: 1 } }))
      : (await this.#ask(() => this.all.updateOne({ _id, born, fields }, { $max: { checkpoint, ...(mark && { mark: markValue(mark) }) } }))).matchedCount > 0;
    if (!now) this.#known.delete(_id);
    return Boolean(now);
  }

  async drop(name: string): Promise<void> {
    this.#known.delete(name);
    const definition = await this.#found(name);
    if (!definition) return;
    await this.#ask(() => this.all.deleteOne({ _id: name, born: definition.born }));
    await this.#dropRows(this.rows(definition).collectionName);
  }

  async #found(name: string): Promise<Definition | null> { return this.#ask(() => this.all.findOne({ _id: name })); }

  async #make(name: string, fields: string): Promise<Definition> {
    const made: Definition = { _id: name, born: randomUUID().slice(0, 8), fields, filled: fields, checkpoint: null };
    try {
      await this.#ask(() => this.all.insertOne(made));
      return made;
    } catch (error) {
      const theirs = isDuplicate(error) ? await this.#found(name) : null;
      if (!theirs) throw error;
      return theirs;
    }
  }

  /** Drops rows that were still written for what has been dropped since. Looks at what there is before it asks which is in use: never the other way round. */
  async #clear(name: string): Promise<void> {
    const there = await this.#ask(() => this.db().listCollections({}, { nameOnly: true }).toArray());
    const current = await this.#found(name);
    const prefix = `rows.${name}.`;
    for (const { name: rows } of current ? there : []) {
      if (rows.startsWith(prefix) && /^[0-9a-f]{8}$/.test(rows.slice(prefix.length)) && rows !== `${prefix}${current!.born}`) await this.#dropRows(rows);
    }
  }

  async #dropRows(name: string): Promise<void> {
    await this.#ask(() => this.db().collection(name).drop().catch((error: { code?: number }) => { if (error.code !== GONE) throw error; }));
  }

  /** The fields that rows carry from now on: those that they carried, and these. */
  async #widened({ _id, born, fields: before }: Definition, wanted: readonly string[]): Promise<string> {
    for (let there = before; ;) {
      const fields = JSON.stringify([...new Set([...(JSON.parse(there) as string[]), ...wanted])].toSorted());
      if (fields === there) return fields;
      const { matchedCount } = await this.#ask(() => this.all.updateOne({ _id, born, fields: there }, { $set: { fields } }));
      if (matchedCount > 0) return fields;
      const now = await this.#found(_id);
      if (now?.born !== born) throw dropped(_id);
      there = now.fields; // another has widened it meanwhile
    }
  }

  /** Gives every row its order keys for these fields, each only as long as it is the row that was read. */
  async #fill(definition: Definition, name: string, fields: string): Promise<void> {
    const rows = this.rows(definition);
    for (let after = ''; ;) {
      const page = await this.#ask(() => rows.find({ _id: { $gt: after } }).sort({ _id: 1 }).limit(PAGE).toArray());
      for (const { _id, v } of page) {
        if (v.row === null) continue;
        const row = JSON.parse(v.row) as Record<string, unknown>;
        const keys = Object.fromEntries((JSON.parse(fields) as string[]).map((f) => [`v.f_${f}`, orderKey(row[f], f)]));
        if (Object.keys(keys).length > 0) await this.#ask(() => rows.updateOne({ _id, 'v.position': v.position, 'v.turn': v.turn }, { $set: keys }));
      }
      if (page.length < PAGE) break;
      after = page.at(-1)!._id;
    }
    await this.#ask(() => this.all.updateOne({ _id: name, born: definition.born, fields }, { $set: { filled: fields } }));
  }

  #ask<T>(call: () => Promise<T>): Promise<T> { return this.connection.ask('views', call); }
}

const markValue = ({ position, stream, revision, id, at }: Mark): Mark => ({ position, stream, revision, id, at });
