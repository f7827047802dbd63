import type { Kafka, Producer } from 'kafkajs';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { RETRY } from './connection.js';
import { reasonOf, within } from './deadline.js';
import type { Outgoing } from './record.js';
import type { Topics } from './topics.js';

/** what goes in one request; below `max.message.bytes`, so that a request of one partition is taken too */
const FLIGHT_BYTES = 524_288;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
const OVERHEAD_BYTES = 64;

interface Wanted { records: readonly Outgoing[]; bytes: number; resolve(): void; reject(error: Error): void }

const bytesOf = (r: Outgoing): number => r.value.length + (r.key?.length ?? 0) + OVERHEAD_BYTES;

/**
 * Sends records with one idempotent producer, one request at a time: what waits meanwhile shares the next, so the order of
 * the calls is the order in each partition. After a failure the producer is left to itself and the next request has a new one.
 */
export class Sender {
  #waiting: Wanted[] = [];
  #waitingBytes = 0;
  #flying = false;
  #producer: Promise<Producer> | null = null;
  readonly #leaving = new Set<Promise<void>>();
  #reason: string | null = null;
  /** of the request that failed last: without them another try says nothing */
  #wanting: readonly string[] = [];
  #closed = false;

  constructor(private readonly kafka: Kafka, private readonly topics: Topics, private readonly clock: Clock, private readonly deadlineMs: number) {}

  /** Resolves when all in-sync replicas have them. @throws Unavailable: some of them may have been taken all the same */
  async send(records: readonly Outgoing[]): Promise<void> {
    const sent: Promise<void>[] = [];
    for (let from = 0; from < records.length;) {
      let [to, bytes] = [from, 0];
      do bytes += bytesOf(records[to++]!); while (to < records.length && bytes + bytesOf(records[to]!) <= FLIGHT_BYTES);
      sent.push(this.#enqueue(records.slice(from, to), bytes));
      from = to;
    }
    await Promise.all(sent);
  }

  /** Why the last request failed, and another try now does too; null when all is well. */
  async failing(): Promise<string | null> {
    if (this.#reason !== null && !this.#closed) await this.#enqueue([], 0).catch(() => undefined);
    return this.#reason;
  }

  /** Finishes what waits and lets go of the line. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#flying) await new Promise<void>((resolve) => this.#waiting.push({ records: [], bytes: 0, resolve, reject: () => resolve() }));
    this.#leave();
    await within(this.clock, this.deadlineMs, Promise.all(this.#leaving)).catch(() => undefined);
  }

  #enqueue(records: readonly Outgoing[], bytes: number): Promise<void> {
    if (this.#closed || this.#waitingBytes + bytes > MOST_WAITING_BYTES) return Promise.reject(new Unavailable('the work queue'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      if (!this.#flying) void this.#fly();
    });
  }

  async #fly(): Promise<void> {
    this.#flying = true;
    while (this.#waiting.length > 0) {
      const flight = this.#next();
      const records = flight.flatMap((w) => w.records);
      const topics = records.length > 0 ? [...new Set(records.map((r) => r.topic))] : this.#wanting;
      try {
        await this.#send(records, topics);
        this.#reason = null;
        for (const w of flight) w.resolve();
      } catch (error) {
        this.#reason = reasonOf(error);
        this.#wanting = topics;
        // who came during the flight has waited less than its deadline, and would wait for the same broker again
        const failed = [...flight, ...this.#waiting.splice(0)];
        this.#waitingBytes = 0;
        const no = new Unavailable('the work queue', undefined, { cause: error });
        for (const w of failed) w.reject(no);
      }
    }
    this.#flying = false;
  }

  #next(): Wanted[] {
    let [n, bytes] = [0, 0];
    do bytes += this.#waiting[n++]!.bytes; while (n < this.#waiting.length && bytes + this.#waiting[n]!.bytes <= FLIGHT_BYTES);
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, n);
  }

  async #send(records: readonly Outgoing[], topics: readonly string[]): Promise<void> {
    const work = this.#deliver(records, topics);
    try {
      await within(this.clock, this.deadlineMs, work);
    } catch (error) {
      this.topics.forget();
      this.#leave(work);
      throw error;
    }
  }

  async #deliver(records: readonly Outgoing[], topics: readonly string[]): Promise<void> {
    for (const topic of topics) await this.topics.ensure(topic);
    const producer = await (this.#producer ??= this.#connect());
    if (records.length === 0) return;
    const byTopic = Map.groupBy(records, (r) => r.topic);
    await producer.sendBatch({
      acks: -1,
      timeout: this.deadlineMs,
      topicMessages: [...byTopic].map(([topic, of]) => ({ topic, messages: of.map(({ key, value, headers }) => ({ key, value, ...(headers ? { headers } : {}) })) })),
    });
  }

  async #connect(): Promise<Producer> {
    const producer = this.kafka.producer({ idempotent: true, allowAutoTopicCreation: false, retry: RETRY });
    try {
      await producer.connect();
    } catch (error) {
      await producer.disconnect();
      throw error;
    }
    return producer;
  }

  /** Lets go of the producer, once what it still tries has ended: kafkajs connects again for a retry. */
  #leave(after: Promise<void> = Promise.resolve()): void {
    const producer = this.#producer;
    this.#producer = null;
    if (!producer) return;
    const left = after.catch(() => undefined).then(() => producer).then((p) => p.disconnect()).catch(() => undefined);
    this.#leaving.add(left);
    void left.finally(() => this.#leaving.delete(left));
  }
}
