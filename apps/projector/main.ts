import 'reflect-metadata';
import { addresses, run } from '../standalone/run.js';

/** The process that follows the log: views, due work, reactions. Several may run; one of them hands over what is due. Its port tells how it is (/health, /ready, /metrics). */
await run(['projector'], { ready: (_c, house, ms) => [`Heliograph's projector is ready (${ms} ms, engines: ${house.engine.name}).`, ...addresses(house), ''].join('\n') });
