import { join, relative } from 'node:path';

/** What the system takes as the address of a Unix socket, in bytes, without the closing zero. */
const LONGEST = process.platform === 'linux' ? 107 : 103;

/** Where the control socket of a data folder is, in its shorter spelling. @throws Error where even that is too long for the system */
export function socketPath(dataDir: string, cwd: string = process.cwd()): string {
  const path = join(dataDir, 'control.sock');
  const shortest = [path, relative(cwd, path)].sort((a, b) => Buffer.byteLength(a) - Buffer.byteLength(b))[0]!;
  if (Buffer.byteLength(shortest) > LONGEST) throw new Error(`${path} is too long for a socket (${LONGEST} bytes at most): use a shorter DATA_DIR`);
  return shortest;
}
