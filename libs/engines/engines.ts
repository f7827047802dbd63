import type { Clock } from '#libs/event-sourcing/running/clock';
import type { EngineSettings, OpenedEngine } from './engine-set.js';

/** The one place that chooses an engine set; what the other one needs is not even loaded. */
export async function openEngines(settings: EngineSettings, clock: Clock): Promise<OpenedEngine> {
  if (settings.engines === 'embedded') {
    const { openEmbedded } = await import('./embedded/embedded.js');
    return Object.assign(await openEmbedded({ dir: settings.dataDir, clock }), { name: 'embedded' as const });
  }
  const { openCluster } = await import('./cluster.js');
  return openCluster(settings, clock);
}
