import { randomUUID } from 'node:crypto';
import { type MongoDB, type MongoDBOptions, openMongoDB } from '#libs/engines/mongodb/mongodb';
import { keysContract } from '#libs/event-sourcing/testing/keys.contract';
import { readModelsContract } from '#libs/event-sourcing/testing/read-models.contract';
import { sharedContract } from '#libs/event-sourcing/testing/shared.contract';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { dropDatabases, serverUrl } from './mongodb-ground.js';

async function open(options: Partial<MongoDBOptions> = {}): Promise<{ engine: MongoDB; close(): Promise<void> }> {
  const name = `test-${randomUUID().slice(0, 8)}`;
  const engine = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000, ...options });
  return { engine, close: async () => { await engine.close(); await dropDatabases(serverUrl(), name); } };
}

readModelsContract('mongodb', () => open().then(({ engine, close }) => ({ models: engine.readModels, close })));
keysContract('mongodb', () => open().then(({ engine, close }) => ({ keys: engine.keys, close })));
sharedContract('mongodb', () => {
  let passed = 0;
  const clock = { ...systemClock, now: () => new Date(Date.now() + passed) };
  return open({ clock }).then(({ engine, close }) => ({ shared: engine.shared, pass: async (ms) => { passed += ms; }, close }));
});
