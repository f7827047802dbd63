import type { Job, WorkQueue } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import { type Clock, systemClock } from '#libs/event-sourcing/running/clock';
import { connection, type KafkaConnection, PATIENT_RETRY } from './connection.js';
import { GroupConsumer, type Line } from './consumer.js';
import { encode } from './record.js';
import { Sender } from './sender.js';
import { Topics, type TopicSettings } from './topics.js';

export interface KafkaOptions extends KafkaConnection, TopicSettings {
  clock?: Clock;
  /** stands before the name of every topic and group: two houses on one cluster do not meet. Default `heliograph-` */
  prefix?: string;
  /** a put that is not acknowledged after this (ms) is given up. Default 5000 */
  deadlineMs?: number;
}

export interface KafkaEngine {
  workQueue: WorkQueue;
  /** what goes no further at the moment, and why */
  failing(): Promise<{ part: string; reason: string }[]>;
  /** how many records that hold no job this process has laid aside, in the topics `….parked` */
  parked(): number;
  /** Finishes what is being put and lets go of the brokers; consumers are ended by their signals before. */
  close(): Promise<void>;
}

/** Jobs as records of Kafka, a topic for each of their topics. What is put off for long lives in the process alone: the log hands it over again. */
class KafkaWorkQueue implements WorkQueue {
  readonly consumers = new Set<GroupConsumer>();

  constructor(private readonly line: Line, private readonly prefix: string) {}

  async put(jobs: readonly Job[]): Promise<void> {
    const records = jobs.map((job) => encode(job, this.prefix + job.topic));
    if (records.length > 0) await this.line.sender.send(records);
  }

  async consume(topic: string, handler: (job: Job) => Promise<Handled>, options: { concurrency: number; signal: AbortSignal }): Promise<void> {
    const consumer = new GroupConsumer(this.line, this.prefix + topic, topic, handler, options.signal);
    this.consumers.add(consumer);
    try { await consumer.run(options.concurrency); } finally { this.consumers.delete(consumer); }
  }
}

/**
 * Opens the work queue on Kafka. Brokers that do not answer are no reason not to start: `failing` tells, and puts are refused as Unavailable.
 * @throws Error when the options are not usable, or when a password would leave this host without TLS
 */
export function openKafka(options: KafkaOptions): KafkaEngine {
  const { clock = systemClock, prefix = 'heliograph-', deadlineMs = 5_000 } = options;
  const kafka = connection(options);
  const topics = new Topics(kafka, options);
  const sender = new Sender(kafka, topics, clock, deadlineMs);
  let parked = 0;
  const workQueue = new KafkaWorkQueue({ kafka: connection(options, PATIENT_RETRY), topics, sender, clock, deadlineMs, onParked: (count) => { parked += count; } }, prefix);
  return {
    workQueue,
    failing: async () => {
      const put = await sender.failing();
      const takes = [...workQueue.consumers].map((c) => c.failing()).filter((r) => r !== null);
      return [...(put === null ? [] : [{ part: 'work queue', reason: put }]), ...[...new Set(takes)].map((reason) => ({ part: 'work queue consumer', reason }))];
    },
    parked: () => parked,
    close: () => sender.close(),
  };
}
