import { EventStoreDBClient } from '@eventstore/db-client';
import type { Clock } from '#libs/event-sourcing/running/clock';

/** Longer than this nobody waits for a client to end. */
const END_MS = 2000;
/** After a connection that did not come about the next is tried so much later. */
const DOWN_MS = 500;

/** The line to EventStoreDB: one client at a time, cleared when it left its connection, made anew when it is beyond help. */
export class ClientLine {
  #client: EventStoreDBClient;
  #epoch = 0;
  #clearing: Promise<void> | null = null;
  #downUntil = -Infinity;
  readonly #listeners = new Set<() => void>();

  constructor(readonly url: string, readonly clock: Clock) { this.#client = EventStoreDBClient.connectionString(url); }

  /** Counts how often it was cleared. Taken together with the client, it says which state of the line a call began in. */
  get epoch(): number { return this.#epoch; }

  /** The client of now, once it is cleared. */
  async client(): Promise<EventStoreDBClient> {
    while (this.#clearing) await this.#clearing;
    return this.#client;
  }

  /** The client of now; null while it is being cleared. */
  get ready(): EventStoreDBClient | null { return this.#clearing ? null : this.#client; }

  /**
   * Ends all calls of the client, unless that was done since `epoch`; they are rejected and made again.
   * @param anew with a new client, and a new connection
   */
  clear(epoch: number, anew: boolean): Promise<void> {
    if (epoch === this.#epoch) {
      this.#epoch++;
      this.#clearing = this.#endCalls().then(() => {
        if (anew) {
          this.#leave();
          this.#client = EventStoreDBClient.connectionString(this.url);
        }
        this.#clearing = null;
      });
    }
    return this.#clearing ?? Promise.resolve();
  }

  /** Ends the client's calls and its connection. */
  async end(): Promise<void> {
    while (this.#clearing) await this.#clearing;
    await this.#endCalls();
    this.#leave();
  }

  /** Calls just before the client's calls end: reads and subscriptions then end as if nothing were wrong. Answers how to call it off. */
  onEnd(call: () => void): () => void {
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  /**
   * True for a moment after the server could not be reached. The client opens a connection for each call that fails, and
   * the transport opens it a second later although nobody wants it any more: few calls may find out that it is still down.
   */
  get down(): boolean { return this.clock.monotonic() < this.#downUntil; }
  unreachable(): void { this.#downUntil = this.clock.monotonic() + DOWN_MS; }
  reached(): void { this.#downUntil = -Infinity; }

  async #endCalls(): Promise<void> {
    // first of all: a read that is cancelled ends as one that is complete
    for (const call of [...this.#listeners]) call();
    await Promise.race([this.#client.dispose(), new Promise<void>((resolve) => { this.clock.after(END_MS, resolve); })]);
  }

  #leave(): void {
    // `dispose` leaves the channel open, and the client shows that only to classes derived from it
    const { getChannel } = this.#client as unknown as { getChannel(): Promise<{ close(): void }> };
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
