import type { AnyDecider } from '../decider.js';
import { UnknownEvent } from '../errors.js';
import type { StoredEvent } from '../event.js';

/** Lifts an event's data from one version to the next. Pure. */
export type Upcast = (data: never) => unknown;
/** `{type: [from version 1 to 2, from 2 to 3, …]}` */
export type Upcasts = Record<string, readonly Upcast[]>;

/** Which event types and versions this program knows. Unknown ones stop a follower: skipping would falsify what it shows. */
export class EventRegistry {
  readonly #versions = new Map<string, number>();
  constructor(deciders: readonly AnyDecider[], private readonly upcasts: Upcasts = {}) {
    for (const d of deciders) {
      for (const type of Object.keys(d.evolve)) {
        const version = d.versions?.[type] ?? 1;
        const known = this.#versions.get(type);
        if (known !== undefined && known !== version) throw new Error(`two deciders disagree about the version of ${type}`);
        this.#versions.set(type, version);
      }
    }
  }

  /** The event in its newest version. @throws UnknownEvent */
  known(event: StoredEvent): StoredEvent {
    const newest = this.#versions.get(event.type);
    if (newest === event.version) return event;
    if (newest === undefined || event.version > newest) throw new UnknownEvent(event.type, event.version, event.position);
    let data = event.data;
    for (let v = event.version; v < newest; v++) {
      const lift = this.upcasts[event.type]?.[v - 1];
      if (!lift) throw new UnknownEvent(event.type, event.version, event.position);
      data = lift(data as never);
    }
    return { ...event, data, version: newest };
  }

  types(): string[] { return [...this.#versions.keys()]; }
}
