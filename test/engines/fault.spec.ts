import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '#libs/engines/embedded/embedded';
import { type Faults, FaultEventStore, dice } from '#libs/engines/fault/fault-event-store';
import { retrying } from '#libs/engines/fault/retrying';
import { type OpenEventStore, eventStoreContract } from '#libs/event-sourcing/testing/event-store.contract';

const over = (faults: () => Faults): OpenEventStore => async () => {
  const dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  const engine = await openEmbedded({ dir });
  const store = new FaultEventStore(engine.eventStore, faults());
  return { store: retrying(store), close: async () => { await engine.close(); rmSync(dir, { recursive: true }); } };
};
const soon = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

// whoever tries again with the same ids sees the contract kept, whatever was lost on the way
eventStoreContract('fault: answers lost', over(() => ({ random: dice(11), unanswered: 0.5 })));
eventStoreContract('fault: everything at once', over(() => ({ random: dice(12), lost: 0.2, unanswered: 0.2, cut: 0.5, delay: soon })));
