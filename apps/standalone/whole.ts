import type { Configuration } from '#libs/platform/configuration/configuration';
import { openWorker } from '../worker/open-worker.js';
import { openHouse, PARTS, type Given, type House } from './house.js';

/** All of Heliograph in one process. */
export const openWhole = (c: Configuration, given: Partial<Given> = {}): Promise<House> => openHouse(c, { parts: PARTS, worker: openWorker, ...given });
