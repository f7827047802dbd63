import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives back what loading a process took and nobody needs any more, once, before it is said to be ready: takes about 0.1 s. V8 does it by itself
 * only when memory is short, so that an idle server would hold about 40 MiB of its start for ever; a young generation that is merely
 * kept small costs each accept (docs/benchmarks.md).
 */
export function giveBack(): void {
  setFlagsFromString('--expose-gc');
  // the one way to reach it without a flag of the command line; `last-resort` also shrinks the young generation
  const collect = runInNewContext('gc') as (how: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
