import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Embedded, openEmbedded } from '#libs/engines/embedded/embedded';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { MemoryShared } from '#libs/engines/embedded/shared';
import { MemoryWorkQueue } from '#libs/engines/embedded/work-queue';
import { eventStoreContract } from '#libs/event-sourcing/testing/event-store.contract';
import { keysContract } from '#libs/event-sourcing/testing/keys.contract';
import { readModelsContract } from '#libs/event-sourcing/testing/read-models.contract';
import { sharedContract } from '#libs/event-sourcing/testing/shared.contract';
import { workQueueContract } from '#libs/event-sourcing/testing/work-queue.contract';

async function open(): Promise<{ engine: Embedded; close(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  const engine = await openEmbedded({ dir });
  return { engine, close: async () => { await engine.close(); rmSync(dir, { recursive: true }); } };
}

eventStoreContract('embedded', () => open().then(({ engine, close }) => ({ store: engine.eventStore, close })));
keysContract('embedded', () => open().then(({ engine, close }) => ({ keys: engine.keys, close })));
readModelsContract('embedded', () => open().then(({ engine, close }) => ({ models: engine.readModels, close })));
workQueueContract('embedded', () => Promise.resolve({ queue: new MemoryWorkQueue(systemClock), close: () => Promise.resolve() }));
sharedContract('embedded', () => {
  let now = 0;
  const shared = new MemoryShared({ ...systemClock, monotonic: () => now });
  return Promise.resolve({ shared, pass: async (ms) => { now += ms; }, close: () => Promise.resolve() });
});
