import { readFile, readdir } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';

/** How far they stand back: at 10 a thread gets a tenth of what a busy one of the others gets, and all that is left over. */
export const NICENESS = 10;
const TASKS = '/proc/self/task';

/**
 * Lets libuv's pool give way to the threads that accept, write and send: a password's hash is 40 ms of a core, and a crowd
 * that signs in would otherwise take that core from them. The pool also reads files and looks up names, whose share is thin.
 * Linux alone gives each thread a priority of its own; elsewhere nothing is done.
 * @returns how many threads give way now
 */
export async function poolGivesWay(): Promise<number> {
  // reading on the pool also starts it, with all its threads
  const tasks = await readdir(TASKS).catch(() => null);
  if (tasks === null) return 0;
  const names = await Promise.all((await readdir(TASKS)).map(async (id) => [Number(id), await readFile(`${TASKS}/${id}/comm`, 'utf8').catch(() => '')] as const));
  const pool = names.filter(([, name]) => name.trim() === 'libuv-worker');
  // further back already, as the whole process may be: there it stays
  for (const [id] of pool) if (getPriority(id) < NICENESS) setPriority(id, NICENESS);
  return pool.length;
}
