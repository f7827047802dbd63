import type { Figure } from '../ground.js';
import { accept } from './accept.js';
import { attempts } from './attempts.js';
import { ceilings } from './ceilings.js';
import { endToEnd } from './end-to-end.js';
import { guard } from './guard.js';
import { list } from './list.js';
import { lookUps } from './look-ups.js';
import { memory } from './memory.js';
import { rebuilding } from './rebuild.js';
import { start } from './start.js';

/** All figures, in the order in which they are measured. */
export const FIGURES: readonly Figure[] = [ceilings, accept, endToEnd, rebuilding, attempts, guard, list, lookUps, memory, start];
