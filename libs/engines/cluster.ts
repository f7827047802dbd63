import type { Clock } from '#libs/event-sourcing/running/clock';
import type { EngineSettings, OpenedEngine } from './engine-set.js';
import { openEventStoreDB } from './eventstoredb/eventstoredb.js';
import { kafkaConnection } from './kafka/settings.js';
import { openKafka } from './kafka/kafka.js';
import { openMongoDB } from './mongodb/mongodb.js';

/** The engines that are servers: the log in EventStoreDB, views, keys and what is shared in MongoDB, due work through Kafka. */
export async function openCluster(s: EngineSettings, clock: Clock): Promise<OpenedEngine> {
  if (!s.eventstoreUrl || !s.mongodbUrl || !s.kafkaBrokers) throw new Error('EVENTSTORE_URL, MONGODB_URL and KAFKA_BROKERS say where the servers are');
  const undo: (() => Promise<void>)[] = [];
  try {
    const kafka = openKafka({ ...kafkaConnection(s, s.kafkaBrokers), clock, prefix: `${s.clusterName}-`, replicationFactor: s.kafkaReplicas, minInSyncReplicas: Math.max(1, s.kafkaReplicas - 1) });
    undo.push(() => kafka.close());
    const mongodb = await openMongoDB({ url: s.mongodbUrl, clock, name: s.clusterName });
    undo.push(() => mongodb.close());
    // a full stop, which no CLUSTER_NAME has: with another sign the streams of `a_b` would begin as those of `a`
    const log = await openEventStoreDB({ url: s.eventstoreUrl, clock, prefix: `${s.clusterName}.` });
    undo.push(() => log.close());
    return {
      name: 'cluster', eventStore: log.eventStore, readModels: mongodb.readModels, keys: mongodb.keys, shared: mongodb.shared, workQueue: kafka.workQueue,
      warnings: [...log.warnings],
      failing: async () => (await Promise.all([log.failing(), mongodb.failing(), kafka.failing()])).flat(),
      async close() { for (const step of undo.toReversed()) await step(); },
    };
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
}
