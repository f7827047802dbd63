import { randomBytes } from 'node:crypto';
import { SUBJECTS } from '#apps/standalone/subjects';
import { openEmbedded } from '#libs/engines/embedded/embedded';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { Kernel, type Engine } from '#libs/event-sourcing/running/kernel';
import { ensureSecrets } from '#libs/identity/certificate/secrets-folder';
import { KIND_DEFAULTS } from '#libs/messaging/gateways/default-gateways';
import type { Acceptance } from '#libs/messaging/message/message.decider';
import type { Place } from '../server.js';
import { GatheringStore } from './gathering-store.js';

/** Engines and kernel on a folder in this process, without listeners, worker and followers: nothing can be sent. */
export interface Opened {
  engine: Engine;
  kernel: Kernel;
  /** the same, but what it appends is held back until `gathered` is flushed */
  gathering: Kernel;
  gathered: GatheringStore;
  close(): Promise<void>;
}

const NO_LANE = { rate: 1, concurrency: 1, circuit: { failures: 1, windowMs: 1, windowCalls: 1, windowShare: 1, probeMs: 1 } };

/** @param engines which they are; those on the place's own files unless told */
export async function openPlace({ dataDir, secretsDir }: Place, clock: Clock, engines: () => Promise<Engine & { close(): Promise<void> }> = () => openEmbedded({ dir: dataDir })): Promise<Opened> {
  const { masterKey } = await ensureSecrets({ dir: secretsDir, masterKeyFile: undefined, dataDir, production: false, serverNames: ['localhost', '127.0.0.1'] }, { now: () => new Date(), random: randomBytes });
  const engine = await engines();
  const gathered = await GatheringStore.over(engine.eventStore);
  const open = (over: typeof engine): Promise<Kernel> => Kernel.open({ engine: over, masterKey, clock, ...SUBJECTS, lanes: () => NO_LANE });
  const [kernel, gathering] = [await open(engine), await open({ ...engine, eventStore: gathered })];
  return { engine, kernel, gathering, gathered, close: async () => { await kernel.close(); await gathering.close(); await engine.close(); } };
}

/** What the native route makes of its body. */
export const acceptance = (over: Pick<Acceptance, 'owner' | 'recipient'> & Partial<Acceptance>): Acceptance => ({
  channel: 'sms', gateway: 'sms', address: 'number', sender: null, body: 'Hello, this is a message of an ordinary length, neither short nor long.', segments: 1, fingerprint: JSON.stringify([over.recipient]),
  shape: 'native', acceptedAt: null, sendAt: null, expiresAt: null, policy: KIND_DEFAULTS['sms-http'].retry, deadlineMs: 30_000, onUnknown: 'retry', receipts: false, metadata: null, batch: null, ...over,
});
