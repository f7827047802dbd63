import 'reflect-metadata';
import { addresses, run } from '../standalone/run.js';
import { openWorker } from './open-worker.js';

/** The process that performs what is due: the only process from which anything leaves for a gateway. Its port tells how it is (/health, /ready, /metrics). */
await run(['worker'], { worker: openWorker, ready: (_c, house, ms) => [`Heliograph's worker is ready (${ms} ms, engines: ${house.engine.name}).`, ...addresses(house), ''].join('\n') });
