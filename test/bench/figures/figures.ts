import type { Figure } from '../ground.js';
import { accept } from './accept.js';
import { attempts } from './attempts.js';
import { ceilings } from './ceilings.js';
import { clusterAccept } from './cluster/accept.js';
import { clusterCeilings } from './cluster/ceilings.js';
import { clusterEndToEnd } from './cluster/end-to-end.js';
import { lag } from './cluster/lag.js';
import { clusterRebuild } from './cluster/rebuild.js';
import { workers } from './cluster/workers.js';
import { endToEnd } from './end-to-end.js';
import { guard } from './guard.js';
import { list } from './list.js';
import { logins } from './logins.js';
import { lookUps } from './look-ups.js';
import { memory } from './memory.js';
import { rebuilding } from './rebuild.js';
import { sockets } from './sockets.js';
import { start } from './start.js';

/** All figures of an engine set, in the order in which they are measured. */
export const FIGURES: Readonly<Record<'embedded' | 'cluster', readonly Figure[]>> = {
  embedded: [ceilings, accept, endToEnd, rebuilding, attempts, guard, list, logins, lookUps, memory, sockets, start],
  cluster: [clusterCeilings, clusterAccept, clusterEndToEnd, lag, clusterRebuild, workers],
};
