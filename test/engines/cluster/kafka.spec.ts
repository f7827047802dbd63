import { type KafkaEngine, openKafka } from '#libs/engines/kafka/kafka';
import { workQueueContract } from '#libs/event-sourcing/testing/work-queue.contract';
import { brokers } from './kafka-brokers.js';

const open = (): KafkaEngine => openKafka({ brokers: brokers(), partitions: 4, replicationFactor: 1, minInSyncReplicas: 1 });

workQueueContract('kafka', () => {
  const engine = open();
  return Promise.resolve({ queue: engine.workQueue, close: () => engine.close() });
});
