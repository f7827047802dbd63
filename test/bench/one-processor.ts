import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const move = (processors: string): Promise<unknown> => promisify(execFile)('taskset', ['-a', '-p', '-c', processors, String(process.pid)]);

/**
 * Does this with all threads of this process on one processor: what threads ask of each other then costs what it costs, where over
 * two processors the same empty question takes 22 or 70 µs, as the system happens to place them and a sleeping processor wakes.
 * @throws Error where there is no `taskset` (util-linux)
 */
export async function onOneProcessor<T>(work: () => Promise<T>): Promise<T> {
  const all = /^Cpus_allowed_list:\s*(\S+)$/m.exec(await readFile('/proc/self/status', 'utf8'))![1]!;
  await move(/\d+$/.exec(all)![0]);
  try { return await work(); } finally { await move(all); }
}
