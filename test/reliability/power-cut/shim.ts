/** Builds the power-cut shim, and starts programs under it. What the shim does stands at the head of power-cut.c. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['power-cut.c', 'faults.h'];

export { compiler } from '../../bench/load/tools.js';

/** The compiled shim, made once for each text of its sources. */
export function powerCutShim(root = process.cwd()): string {
  const folder = join(root, 'test/reliability/power-cut');
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(readFileSync(join(folder, source)));
  const cache = join(root, '.cache');
  const file = join(cache, `power-cut-${hash.digest('hex').slice(0, 12)}.so`);
  if (existsSync(file)) return file;
  mkdirSync(cache, { recursive: true });
  const aside = `${file}.${process.pid}`;
  execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-o', aside, join(folder, 'power-cut.c'), '-ldl', '-lpthread']);
  renameSync(aside, file); // two suites may build at once
  return file;
}

/** Which file operations fail or wait; see power-cut.c. `part` is looked for in the path; the first counts as 1. */
export interface Faults {
  failFsync?: { part: string; first: number; count: number };
  failWrite?: { part: string; first: number; count: number };
  delayFsyncMs?: number;
}

const range = (f: { part: string; first: number; count: number }): string => `${f.part}:${f.first}:${f.count}`;

/** The text of a control file (`POWER_CUT_CONTROL`): rewritten while the program runs, its rules replace the former ones. */
export const controlText = ({ failFsync, failWrite, delayFsyncMs }: Faults): string => [
  ...(failFsync ? [`POWER_CUT_FAIL_FSYNC=${range(failFsync)}`] : []),
  ...(failWrite ? [`POWER_CUT_FAIL_WRITE=${range(failWrite)}`] : []),
  ...(delayFsyncMs ? [`POWER_CUT_DELAY_FSYNC_MS=${delayFsyncMs}`] : []),
].map((line) => `${line}\n`).join('');

/**
 * The environment for a program under the shim: what it writes below `dir` is durable in `shadow`, and only once it was flushed.
 * After `kill -9`, `shadow` is the disk after the power cut.
 */
export const powerCutEnv = (dir: string, shadow: string, control?: string): Record<string, string> => ({
  LD_PRELOAD: powerCutShim(), POWER_CUT_DIR: dir, POWER_CUT_SHADOW: shadow, POWER_CUT_SKIP_FSYNC: '1', UV_USE_IO_URING: '0',
  ...(control ? { POWER_CUT_CONTROL: control } : {}),
});
