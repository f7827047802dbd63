import { MongoClient, type MongoClientOptions } from 'mongodb';
import type { Clock } from '#libs/event-sourcing/running/clock';

/**
 * The driver (7.9) waits for ever for a socket to drain that was destroyed and has not told so yet. When a server goes away, all its
 * connections end in one turn of the event loop: the first that tells so makes the driver look at the server again, through a connection that
 * may have ended too. That look never ends, and a server that is looked at is not looked at again: it stays unknown, however long it is back.
 * So looks are often, and one that is asked for comes so much (ms) later than the last that it has a turn of its own.
 */
const LOOK_EVERY_MS = 500, LOOK_APART_MS = 1_500;
/** A look that has not ended so long (ms) after the driver's own bounds has no end. */
const MARGIN_MS = 1_000;

/** `looks`: those that have begun and not ended, by server: until when (monotonic, ms) they have to */
interface Held { client: MongoClient; looks: Map<string, number> }

/** A client that is replaced where one look at a server has no end all the same: in a process that was stopped while its server went away. */
export class LastingClient {
  #held: Held;
  #renewing: Promise<void> | null = null;
  #closed = false;

  /** @param deadlineMs of each step of a look, and of each call · @throws Error for a URL that is none */
  constructor(readonly url: string, readonly options: MongoClientOptions, readonly clock: Clock, readonly deadlineMs: number) { this.#held = this.#made(); }

  /** The one for the next call: not to be kept. */
  get current(): MongoClient { return this.#held.client; }

  /** Whoever was refused says so: where the client is lost, another is tried, and takes its place once it has reached the server. */
  refused(): void {
    const now = this.clock.monotonic();
    if (this.#closed || this.#renewing || ![...this.#held.looks.values()].some((end) => end < now)) return;
    this.#renewing = this.#renew().finally(() => { this.#renewing = null; });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#renewing;
    await this.#held.client.close();
  }

  async #renew(): Promise<void> {
    const fresh = this.#made();
    const reached = await fresh.client.connect().then(() => true, () => false); // the next who is refused tries again
    const unused = reached && !this.#closed ? this.#held : fresh;
    if (unused !== fresh) this.#held = fresh;
    unused.client.close().catch(() => undefined); // not waited for: it may have lost more than a look
  }

  #made(): Held {
    const client = new MongoClient(this.url, {
      ...this.options, connectTimeoutMS: this.deadlineMs, socketTimeoutMS: this.deadlineMs, serverSelectionTimeoutMS: this.deadlineMs, waitQueueTimeoutMS: this.deadlineMs,
      heartbeatFrequencyMS: LOOK_EVERY_MS, minHeartbeatFrequencyMS: LOOK_APART_MS,
    });
    const looks = new Map<string, number>();
    // to connect, and to hear, which a server may put off until there is news
    const withinMs = 2 * this.deadlineMs + LOOK_EVERY_MS + MARGIN_MS;
    client.on('serverHeartbeatStarted', ({ connectionId }) => { looks.set(connectionId, this.clock.monotonic() + withinMs); });
    client.on('serverHeartbeatSucceeded', ({ connectionId }) => { looks.delete(connectionId); });
    client.on('serverHeartbeatFailed', ({ connectionId }) => { looks.delete(connectionId); });
    client.on('serverClosed', ({ address }) => { looks.delete(address); });
    return { client, looks };
  }
}
