import { EventStoreDBClient } from '@eventstore/db-client';
import type { Clock } from '#libs/event-sourcing/running/clock';

/** Longer than this nobody waits for a client to end. */
const END_MS = 2000;
/** After a connection that did not come about the next is tried so much later. */
const DOWN_MS = 500;

/** The line to EventStoreDB. One client at a time, made anew when it is beyond help. */
export class ClientLine {
  #client: EventStoreDBClient;
  #renewing: Promise<void> | null = null;
  #renewed = 0;
  #downUntil = -Infinity;
  readonly #listeners = new Set<() => void>();

  constructor(readonly url: string, readonly clock: Clock) { this.#client = EventStoreDBClient.connectionString(url); }

  /** How often it was made anew. */
  get renewed(): number { return this.#renewed; }

  /** The client of now, once one that is being made is there. */
  async client(): Promise<EventStoreDBClient> {
    while (this.#renewing) await this.#renewing;
    return this.#client;
  }

  /** The client of now; null while one is being made. */
  get ready(): EventStoreDBClient | null { return this.#renewing ? null : this.#client; }

  /**
   * True for a moment after the server could not be reached. The client opens a connection for each call that fails, and
   * the transport opens it a second later although nobody wants it any more: few calls may find out that it is still down.
   */
  get down(): boolean { return this.clock.monotonic() < this.#downUntil; }
  unreachable(): void { this.#downUntil = this.clock.monotonic() + DOWN_MS; }
  reached(): void { this.#downUntil = -Infinity; }

  /** Calls just before the client ends: its reads and subscriptions then end as if nothing were wrong. Answers how to call it off. */
  onEnd(call: () => void): () => void {
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  /** Makes a new client if `of` is still the one in use; whatever that was doing is rejected first. */
  renew(of: EventStoreDBClient): Promise<void> {
    if (of === this.#client) {
      this.#renewing ??= this.end().then(() => {
        this.#client = EventStoreDBClient.connectionString(this.url);
        this.#renewing = null;
        this.#renewed++;
      });
    }
    return this.#renewing ?? Promise.resolve();
  }

  /** Ends the client's calls and its connection. */
  async end(): Promise<void> {
    const client = this.#client;
    // first of all: a read that is cancelled ends as one that is complete
    for (const call of [...this.#listeners]) call();
    // the old client's calls end before the new one makes any: it would reject those too
    await Promise.race([client.dispose(), new Promise<void>((resolve) => { this.clock.after(END_MS, resolve); })]);
    // `dispose` leaves the channel open, and the client shows that only to classes derived from it
    const { getChannel } = client as unknown as { getChannel(): Promise<{ close(): void }> };
    getChannel().then((channel) => channel.close(), () => undefined);
  }
}

/** What the client knows of its appends it knows per process: an error of one client would end the appends of another. */
const open = new Map<string, { line: ClientLine; users: number }>();

/** The one client of this process. @throws Error when another address is in use in it */
export function lineTo(url: string, clock: Clock): { line: ClientLine; release(): Promise<void> } {
  if (open.size > 0 && !open.has(url)) throw new Error('One process speaks to one EventStoreDB: the client shares its appends between all its connections.');
  const entry = open.get(url) ?? { line: new ClientLine(url, clock), users: 0 };
  entry.users++;
  open.set(url, entry);
  return {
    line: entry.line,
    async release() {
      if (--entry.users > 0) return;
      open.delete(url);
      await entry.line.end();
    },
  };
}
