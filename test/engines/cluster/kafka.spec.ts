import { workQueueContract } from '#libs/event-sourcing/testing/work-queue.contract';
import { brokers, engineAt } from './kafka-ground.js';

workQueueContract('kafka', () => {
  const engine = engineAt(brokers());
  return Promise.resolve({ queue: engine.workQueue, close: () => engine.close() });
});
