import { Unavailable } from '#libs/event-sourcing/errors';
import type { NewEvent, Position, StoredEvent } from '#libs/event-sourcing/event';
import type { Append, Appended, Batch, EventStore } from '#libs/event-sourcing/ports/event-store';

/** How often what goes wrong (0 to 1), and by which dice. */
export interface Faults {
  /** numbers from 0 to under 1; see `dice` */
  random: () => number;
  /** an append is not made and answered as unavailable */
  lost?: number;
  /** an append is made, and its answer lost: answered as unavailable */
  unanswered?: number;
  /** of `appendMany` only the first entries are made, a random number of them */
  cut?: number;
  /** before and after each append */
  delay?: () => Promise<void>;
}

/** Everything that an event store may do to its callers without breaking its contract, done on purpose. */
export class FaultEventStore implements EventStore {
  /** what went wrong so far, so that a test can say that it did */
  readonly count = { lost: 0, unanswered: 0, cut: 0 };

  constructor(readonly inner: EventStore, readonly faults: Faults) {}

  async append(stream: string, expected: number, events: readonly NewEvent[]): Promise<Appended> {
    const [answer] = await this.appendMany([{ stream, expected, events }]);
    if (answer instanceof Error) throw answer;
    return answer!;
  }

  async appendMany(entries: readonly Append[]): Promise<(Appended | Error)[]> {
    const { random, cut = 0, delay } = this.faults;
    await delay?.();
    const made = entries.length > 1 && random() < cut ? Math.floor(random() * entries.length) : entries.length;
    if (made < entries.length) this.count.cut++;
    const fates = entries.map((_, i) => (i < made ? this.#fate() : 'lost'));
    const kept = entries.filter((_, i) => fates[i] !== 'lost');
    const answers = await this.inner.appendMany(kept);
    await delay?.();
    return fates.map((fate) => {
      const answer = fate === 'lost' ? null : answers.shift()!;
      return fate === 'made' ? answer! : new Unavailable(`the log (${fate})`, 1);
    });
  }

  read(stream: string, from: number, limit: number): Promise<StoredEvent[]> { return this.inner.read(stream, from, limit); }
  last(stream: string): Promise<StoredEvent | null> { return this.inner.last(stream); }
  readAll(after: Position | null, prefixes: readonly string[], limit: number): Promise<Batch> { return this.inner.readAll(after, prefixes, limit); }
  subscribe(after: Position | null, prefixes: readonly string[], signal: AbortSignal): AsyncIterable<Batch> { return this.inner.subscribe(after, prefixes, signal); }
  head(): Promise<Position | null> { return this.inner.head(); }

  #fate(): 'made' | 'lost' | 'unanswered' {
    const { random, lost = 0, unanswered = 0 } = this.faults;
    const drawn = random();
    const fate = drawn < lost ? 'lost' : drawn < lost + unanswered ? 'unanswered' : 'made';
    if (fate !== 'made') this.count[fate]++;
    return fate;
  }
}

/** Dice that fall the same way for the same seed (mulberry32). */
export function dice(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
