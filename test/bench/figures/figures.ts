import type { Figure } from '../ground.js';
import { accept } from './accept.js';
import { ceilings } from './ceilings.js';
import { endToEnd } from './end-to-end.js';

/** All figures, in the order in which they are measured. */
export const FIGURES: readonly Figure[] = [ceilings, accept, endToEnd];
