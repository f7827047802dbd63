/** What Kafka's specs stand on: where the broker is, jobs, consumers that note what they were given, and a bare client beside the engine. */
import { randomUUID } from 'node:crypto';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { type KafkaEngine, type KafkaOptions, openKafka } from '#libs/engines/kafka/kafka';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import { until } from '../../bench/ground.js';

/** Where the broker of the tests is. @throws Error when none was started */
export function brokers(): string[] {
  const named = process.env['KAFKA_BROKERS'];
  if (!named) throw new Error('KAFKA_BROKERS is not set: `npm run test:engines` starts what is missing.');
  return named.split(',');
}

/** The engine as for one broker. */
export const engineAt = (at: readonly string[], options: Partial<KafkaOptions> = {}): KafkaEngine =>
  openKafka({ brokers: at, partitions: 4, replicationFactor: 1, minInSyncReplicas: 1, ...options });

export const newTopic = (): string => `topic-${randomUUID()}`;
/** What a topic is called in Kafka; its group too. */
export const inKafka = (topic: string): string => `heliograph-${topic}`;
export const jobOf = (topic: string, over: Partial<Job> = {}): Job => ({ topic, stream: `message-${randomUUID()}`, id: randomUUID(), lane: 'sms', ...over });

export interface Taker { jobs: Job[]; ids(): Set<string>; has(ids: readonly string[]): Promise<void>; stop(): Promise<void> }

/** Consumes until stopped, and notes every job it is given. */
export function taker(engine: KafkaEngine, topic: string, handle: (job: Job) => Handled | Promise<Handled> = () => 'done', concurrency = 8): Taker {
  const stop = new AbortController();
  const jobs: Job[] = [];
  const ended = engine.workQueue.consume(topic, async (job) => { jobs.push(job); return handle(job); }, { concurrency, signal: stop.signal });
  const ids = (): Set<string> => new Set(jobs.map((j) => j.id));
  return {
    jobs, ids,
    has: (wanted) => until(`${wanted.length} jobs handed over`, () => { const got = ids(); return Promise.resolve(wanted.every((id) => got.has(id))); }, { pauseMs: 10, boundMs: 45_000 }),
    stop: async () => { stop.abort(); await ended; },
  };
}

export interface Bare { kafka: Kafka; admin: Admin; producer: Producer; close(): Promise<void> }

/** A client that knows nothing of the engine: whoever else can reach the brokers. */
export async function bare(at: readonly string[] = brokers()): Promise<Bare> {
  const kafka = new Kafka({ brokers: [...at], logLevel: logLevel.NOTHING });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  return { kafka, admin, producer, close: async () => { await Promise.all([admin.disconnect(), producer.disconnect()]); } };
}

/** How far the group has committed, per partition, summed up. */
export async function committed({ admin }: Bare, topic: string): Promise<number> {
  const [offsets] = await admin.fetchOffsets({ groupId: inKafka(topic), topics: [inKafka(topic)] });
  return offsets!.partitions.reduce((sum, p) => sum + Math.max(0, Number(p.offset)), 0);
}
/** How many records the topic holds. */
export const held = async ({ admin }: Bare, topic: string): Promise<number> =>
  (await admin.fetchTopicOffsets(inKafka(topic))).reduce((sum, p) => sum + Number(p.offset), 0);
