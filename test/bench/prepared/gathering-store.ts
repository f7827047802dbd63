import { setImmediate } from 'node:timers/promises';
import type { NewEvent, Position, StoredEvent } from '#libs/event-sourcing/event';
import type { Append, Appended, Batch, EventStore } from '#libs/event-sourcing/ports/event-store';

/**
 * Holds appends back and writes what gathered for each stream as one: makes a long log through the real commands without
 * a flush for each event. Only where nobody reads between; a position is answered that lies before what is held.
 */
export class GatheringStore implements EventStore {
  readonly #held = new Map<string, { expected: number; events: NewEvent[] }>();
  #position: Position;
  private constructor(private readonly store: EventStore, position: Position) { this.#position = position; }
  static async over(store: EventStore): Promise<GatheringStore> { return new GatheringStore(store, (await store.head()) ?? ''); }

  async append(stream: string, expected: number, events: readonly NewEvent[]): Promise<Appended> {
    const held = this.#held.get(stream);
    if (held) held.events.push(...events);
    else this.#held.set(stream, { expected, events: [...events] });
    return { position: this.#position, revision: expected + events.length };
  }

  /** Writes what is held. @throws Error what any of it met */
  async flush(): Promise<void> {
    const entries = [...this.#held].map(([stream, held]): Append => ({ stream, ...held }));
    this.#held.clear();
    for (const answer of await this.store.appendMany(entries)) {
      if (answer instanceof Error) throw answer;
      if (answer.position > this.#position) this.#position = answer.position;
    }
    await setImmediate();
  }

  appendMany(entries: readonly Append[]): Promise<(Appended | Error)[]> { return this.store.appendMany(entries); }
  read(stream: string, from: number, limit: number): Promise<StoredEvent[]> { return this.store.read(stream, from, limit); }
  last(stream: string): Promise<StoredEvent | null> { return this.store.last(stream); }
  readAll(after: Position | null, prefixes: readonly string[], limit: number): Promise<Batch> { return this.store.readAll(after, prefixes, limit); }
  subscribe(after: Position | null, prefixes: readonly string[], signal: AbortSignal): AsyncIterable<Batch> { return this.store.subscribe(after, prefixes, signal); }
  head(): Promise<Position | null> { return this.store.head(); }
}
