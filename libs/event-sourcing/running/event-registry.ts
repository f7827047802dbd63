import type { AnyDecider, Upcast } from '../decider.js';
import { UnknownEvent } from '../errors.js';
import type { StoredEvent } from '../event.js';
import { looksSealed, type Sealed } from '../sealed.js';

interface KnownType { version: number; upcasts: readonly Upcast[]; searchable: readonly string[] }
/** What opens sealed values: the sealer. */
export interface Opener { open(values: readonly Sealed<string>[]): Promise<(string | null)[]> }

/** A stream's category: what stands before its first hyphen. */
export const categoryOf = (stream: string): string => stream.slice(0, stream.indexOf('-'));

/**
 * Which event types and versions this program knows, by category and name. Unknown ones stop a follower: skipping would
 * falsify what it shows.
 */
export class EventRegistry {
  readonly #types = new Map<string, Map<string, KnownType>>();
  /** categories with searchable fields: the others are not looked at twice */
  readonly #searchable = new Set<string>();

  constructor(deciders: readonly AnyDecider[], private readonly opener?: Opener) {
    for (const d of deciders) {
      if (this.#types.has(d.stream)) throw new Error(`two deciders share the streams ${d.stream}-…`);
      this.#types.set(d.stream, new Map(Object.keys(d.evolve).map((type) => [type, { version: d.versions?.[type] ?? 1, upcasts: d.upcasts?.[type] ?? [], searchable: d.searchable?.[type] ?? [] }])));
      if (d.searchable) this.#searchable.add(d.stream);
    }
  }

  /** The event in its newest version. @throws UnknownEvent */
  known(event: StoredEvent): StoredEvent {
    const type = this.#types.get(categoryOf(event.stream))?.get(event.type);
    if (type?.version === event.version) return event;
    if (type === undefined || event.version > type.version) throw new UnknownEvent(event.type, event.version, event.position);
    let data = event.data;
    for (let v = event.version; v < type.version; v++) {
      const lift = type.upcasts[v - 1];
      if (!lift) throw new UnknownEvent(event.type, event.version, event.position);
      data = lift(data as never);
    }
    return { ...event, data, version: type.version };
  }

  /** The events in their newest versions with searchable fields in the open (null: erased), as folds see them; one look at the key directory for all. @throws UnknownEvent, Damaged */
  async folded(events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    const known = events.map((e) => this.known(e));
    const sealed: Sealed<string>[] = [];
    for (const e of known) for (const field of this.#fieldsOf(e)) for (const v of valuesOf(e, field)) if (looksSealed(v)) sealed.push(v);
    if (sealed.length === 0) return known;
    if (!this.opener) throw new Error('searchable fields cannot be folded without a sealer');
    const opened = await this.opener.open(sealed);
    const plain = new Map(sealed.map((s, i) => [s as unknown, opened[i]!]));
    const openedOf = (v: unknown): unknown => (plain.has(v) ? plain.get(v) : v);
    return known.map((e) => {
      const fields = this.#fieldsOf(e);
      if (fields.length === 0) return e;
      const data = { ...(e.data as Record<string, unknown>) };
      for (const f of fields) data[f] = Array.isArray(data[f]) ? data[f].map(openedOf) : openedOf(data[f]);
      return { ...e, data };
    });
  }

  #fieldsOf(event: StoredEvent): readonly string[] {
    const category = categoryOf(event.stream);
    return this.#searchable.has(category) ? this.#types.get(category)!.get(event.type)!.searchable : [];
  }

  /** `{category}/{type}` of all */
  types(): string[] { return [...this.#types].flatMap(([category, types]) => [...types.keys()].map((type) => `${category}/${type}`)); }
}

const valuesOf = (event: StoredEvent, field: string): readonly unknown[] => {
  const value = (event.data as Record<string, unknown>)[field];
  return Array.isArray(value) ? value : [value];
};
