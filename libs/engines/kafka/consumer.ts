import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { PATIENT_RETRY } from './connection.js';
import { Consumption } from './consumption.js';
import { pause, reasonOf, within } from './deadline.js';
import { parked } from './record.js';
import type { Sender } from './sender.js';
import { parkedOf, type Topics } from './topics.js';

/** `kafka`: a patient client, for consumers. */
export interface Line { kafka: Kafka; topics: Topics; sender: Sender; clock: Clock; deadlineMs: number; onParked(count: number): void }

/** Of so many unfinished jobs no more are fetched, until half of them are done: bounded memory. */
const MOST_UNFINISHED = 5_000;
const COMMIT_EVERY_MS = 500;
const FIRST_BACK_OFF_MS = 250;
const LAST_BACK_OFF_MS = 2_000;
/** a consumer of which nothing is heard for this long is given up: kafkajs has ends that it does not tell */
const SILENT_MS = 60_000;
/** an answer comes twice a second: without one for this long something is wrong */
const QUIET_MS = 5_000;
const SETTINGS = {
  sessionTimeout: 6_000, // what a process held that was killed goes to the others after this; brokers allow no less unless they are told to
  rebalanceTimeout: 30_000,
  heartbeatInterval: 1_000,
  maxWaitTimeInMs: 500, // a fetch is answered as soon as there is a record; this bounds how late a rebalance or the end is noticed
  minBytes: 1,
  maxBytes: 1_048_576,
  maxBytesPerPartition: 65_536,
  metadataMaxAge: 60_000,
  allowAutoTopicCreation: false,
  readUncommitted: true, // nobody's open transaction holds up a partition
  retry: { ...PATIENT_RETRY, restartOnFailure: () => Promise.resolve(false) }, // begun anew here
};

/** A member of the topic's group for as long as the signal does not abort, through whatever happens to the brokers. */
export class GroupConsumer {
  readonly #consumption: Consumption;
  readonly #parking = new Set<Promise<void>>();
  readonly #aborted: Promise<void>;
  #consumer: Consumer | null = null;
  #paused = false;
  #committing: Promise<void> | null = null;
  #heardAt = 0;
  #reason: string | null = 'it has not joined its group yet';

  /** @param name the topic's in Kafka, and the group's · @param topic as the jobs know it */
  constructor(private readonly line: Line, private readonly name: string, topic: string, handler: (job: Job) => Promise<Handled>, private readonly signal: AbortSignal) {
    this.#consumption = new Consumption(topic, handler, line.clock, () => this.#flow());
    this.#aborted = new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Why it gets no jobs at the moment; null when it does. */
  failing(): string | null {
    if (this.#reason !== null) return this.#reason;
    return this.line.clock.monotonic() - this.#heardAt > QUIET_MS ? 'the brokers do not answer' : null;
  }

  /** Resolves when the signal has aborted, the last handler has answered and its offset is committed. */
  async run(concurrency: number): Promise<void> {
    const handled = this.#consumption.run({ concurrency, signal: this.signal });
    for (let wait = FIRST_BACK_OFF_MS; !this.signal.aborted; wait = Math.min(2 * wait, LAST_BACK_OFF_MS)) {
      try {
        await this.#session(handled, () => { wait = FIRST_BACK_OFF_MS; });
      } catch (error) {
        this.#reason = reasonOf(error);
        this.#consumption.assign([]);
        this.line.topics.forget();
        await pause(this.line.clock, wait, this.signal);
      }
    }
    await handled;
  }

  /** One client's life: until the signal aborts, or with an error when the client has come to its end. */
  async #session(handled: Promise<void>, joined: () => void): Promise<void> {
    const { kafka, topics, clock, deadlineMs } = this.line;
    await this.#unlessAborted(topics.ensure(this.name));
    const consumer = kafka.consumer({ groupId: this.name, ...SETTINGS });
    const crashed = Promise.withResolvers<never>();
    crashed.promise.catch(() => undefined);
    const heard = (): void => { this.#heardAt = clock.monotonic(); };
    const { CRASH, GROUP_JOIN, REBALANCING, FETCH, HEARTBEAT } = consumer.events;
    consumer.on(CRASH, ({ payload }) => crashed.reject(payload.error));
    consumer.on(FETCH, heard);
    consumer.on(HEARTBEAT, heard);
    consumer.on(REBALANCING, () => void this.#commit()); // before it joins again: the next owner begins behind what is done
    consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#consumption.assign(payload.memberAssignment[this.name] ?? []);
      this.#reason = null;
      this.#flow();
      joined();
    });
    heard();
    const starting = (async () => {
      await consumer.connect();
      await consumer.subscribe({ topic: this.name, fromBeginning: true });
      await consumer.run({ autoCommit: false, eachBatch: (given) => { this.#take(given); return Promise.resolve(); } });
    })();
    const stop = new AbortController();
    try {
      await this.#unlessAborted(starting);
      if (this.signal.aborted) return;
      this.#consumer = consumer;
      this.#paused = false;
      await Promise.race([crashed.promise, this.#tend(stop.signal), this.#aborted]);
      consumer.pause([{ topic: this.name }]);
      await Promise.race([crashed.promise, handled.then(() => Promise.all(this.#parking))]);
      await this.#commit();
    } finally {
      stop.abort();
      this.#consumer = null;
      const left = starting.catch(() => undefined).then(() => consumer.disconnect());
      await within(clock, deadlineMs, left).catch(() => undefined);
    }
  }

  #unlessAborted(work: Promise<void>): Promise<void> { return Promise.race([work, this.#aborted]); }

  /** Commits from time to time, and notices a client that has fallen silent. */
  async #tend(signal: AbortSignal): Promise<void> {
    const { clock } = this.line;
    while (!signal.aborted) {
      await pause(clock, COMMIT_EVERY_MS, signal);
      if (clock.monotonic() - this.#heardAt > SILENT_MS) throw new Error('the client has fallen silent');
      await this.#commit();
    }
  }

  /** Hands on what was fetched; nothing waits here, so that heartbeats go on. */
  #take({ batch }: EachBatchPayload): void {
    const taken = this.#consumption.take(batch);
    if (!taken) return;
    if (taken.foreign.length > 0) {
      const parking = this.#park(batch.partition, taken).finally(() => this.#parking.delete(parking));
      this.#parking.add(parking);
    }
    this.#flow();
  }

  /** What holds no job is laid aside, and counted; until that is done its offset is not committed. */
  async #park(partition: number, { offsets, foreign }: NonNullable<ReturnType<Consumption['take']>>): Promise<void> {
    const records = foreign.map(({ message, reason }) => parked(message, { topic: this.name, partition, offset: message.offset }, reason, parkedOf(this.name)));
    for (let wait = FIRST_BACK_OFF_MS; !offsets.revoked; wait = Math.min(2 * wait, LAST_BACK_OFF_MS)) {
      try {
        await this.line.sender.send(records);
        for (const { message } of foreign) offsets.finish(Number(message.offset));
        return this.line.onParked(records.length);
      } catch {
        if (this.signal.aborted) return;
        await pause(this.line.clock, wait, this.signal);
      }
    }
  }

  #flow(): void {
    if (!this.#consumer || this.signal.aborted) return;
    const { unfinished } = this.#consumption;
    if (this.#paused ? unfinished > MOST_UNFINISHED / 2 : unfinished < MOST_UNFINISHED) return;
    this.#paused = !this.#paused;
    this.#consumer[this.#paused ? 'pause' : 'resume']([{ topic: this.name }]);
  }

  async #commit(): Promise<void> {
    await this.#committing;
    const consumer = this.#consumer;
    const due = this.#consumption.partitions.map((partition) => ({ partition, offset: partition.due() })).filter((d): d is typeof d & { offset: number } => d.offset !== null);
    if (!consumer || due.length === 0) return;
    const offsets = due.map(({ partition, offset }) => ({ topic: this.name, partition: partition.partition, offset: String(offset) }));
    this.#committing = within(this.line.clock, this.line.deadlineMs, consumer.commitOffsets(offsets)).then(
      () => { for (const { partition, offset } of due) partition.committed(offset); },
      () => undefined, // in the middle of a rebalance, or without a broker: what is not committed is handed over again
    );
    await this.#committing;
    this.#committing = null;
  }
}
