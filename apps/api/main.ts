import 'reflect-metadata';
import { addresses, run } from '../standalone/run.js';

/** The process that answers requests, on engines that are servers of their own. */
await run(['api'], { ready: (_c, house, ms) => [`Heliograph's api is ready (${ms} ms, engines: ${house.engine.name}).`, ...addresses(house), ''].join('\n') });
