import { randomBytes } from 'node:crypto';
import { openEngines } from '#libs/engines/engines';
import { systemClock, type Clock } from '#libs/event-sourcing/running/clock';
import { Kernel } from '#libs/event-sourcing/running/kernel';
import { loadSecrets } from '#libs/identity/certificate/secrets-folder';
import type { Configuration } from '#libs/platform/configuration/configuration';
import { SUBJECTS } from '../subjects.js';
import type { Parts } from './operation.js';

/** Nothing is scheduled here: a lane is asked for by nobody. */
const NO_LANE = { rate: 1, concurrency: 1, circuit: { failures: 1, windowMs: 1, windowCalls: 1, windowShare: 1, probeMs: 1 } };

/**
 * The parts of a house on a folder that no server holds, or on the cluster's servers: engines and kernel, without listeners, worker,
 * followers or scheduler, so that nothing can be sent. Holds the folder's lock until it is closed.
 * @throws SecretsRefused · Damaged · Error when another process holds the folder
 */
export async function openFolder(c: Configuration, clock: Clock = systemClock): Promise<{ parts: Parts; close(): Promise<void> }> {
  const secrets = await loadSecrets({ dir: c.secretsDir, masterKeyFile: c.masterKeyFile, dataDir: c.dataDir });
  const engine = await openEngines(c, clock);
  try {
    const kernel = await Kernel.open({ engine, masterKey: secrets.masterKey, clock, ...SUBJECTS, lanes: () => NO_LANE });
    return {
      parts: { configuration: c, secrets, kernel, clock, random: randomBytes, following: false },
      close: async () => { await kernel.close(); await engine.close(); },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
