import type { Kafka } from 'kafkajs';

export interface TopicSettings {
  /** of a topic of jobs: as many workers can share it. Default 12 */
  partitions?: number;
  /** copies of each record; at most as many as there are brokers. Default 3 */
  replicationFactor?: number;
  /** copies that must be written before a put is answered. Default 2 */
  minInSyncReplicas?: number;
}

const DAY_MS = 86_400_000;
/** what a topic has whoever writes to it: no record that stops its reader, no timestamp that keeps it for ever */
const ALWAYS = {
  'cleanup.policy': 'delete',
  'compression.type': 'uncompressed', // the broker unpacks what others compressed in ways that kafkajs cannot
  'message.timestamp.type': 'LogAppendTime',
  'max.message.bytes': 1_048_576,
};
/** a hint of a day ago is worth nothing: what is due is in the log */
const JOBS = { ...ALWAYS, 'retention.ms': DAY_MS };
const PARKED = { ...ALWAYS, 'retention.ms': 7 * DAY_MS, 'retention.bytes': 67_108_864 };

/** Where the records of a topic go that hold no job. */
export const parkedOf = (topic: string): string => topic + PARKED_END;
const PARKED_END = '.parked';

/** Makes topics with their settings, each once; one that is there stays as it is. */
export class Topics {
  readonly #made = new Map<string, Promise<void>>();

  constructor(private readonly kafka: Kafka, private readonly settings: TopicSettings) {}

  /** Resolves when the topic, and the one for what is parked, are there. */
  ensure(name: string): Promise<void> {
    const topic = name.endsWith(PARKED_END) ? name.slice(0, -PARKED_END.length) : name;
    let made = this.#made.get(topic);
    if (!made) {
      made = this.#make(topic);
      this.#made.set(topic, made);
      made.catch(() => this.#made.delete(topic));
    }
    return made;
  }

  /** They may have been removed: looks again. */
  forget(): void { this.#made.clear(); }

  async #make(topic: string): Promise<void> {
    const { partitions = 12, replicationFactor = 3, minInSyncReplicas = 2 } = this.settings;
    const entry = (name: string, numPartitions: number, config: Record<string, string | number>) => ({
      topic: name, numPartitions, replicationFactor,
      configEntries: Object.entries({ ...config, 'min.insync.replicas': minInSyncReplicas }).map(([key, value]) => ({ name: key, value: String(value) })),
    });
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      const there = new Set(await admin.listTopics()); // where others make the topics, this process may lack the right to
      const missing = [entry(topic, partitions, JOBS), entry(parkedOf(topic), 1, PARKED)].filter((e) => !there.has(e.topic));
      if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: true });
    } finally { await admin.disconnect(); }
  }
}
