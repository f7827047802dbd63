// Replaces this process by one of our programs on the project's own Node, whatever Node started us.
import { constants, accessSync, existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const path = (of) => fileURLToPath(new URL(`../${of}`, import.meta.url));

/** Node flags of every program of ours: traces in TypeScript lines, a young generation of 16 MiB a half (docs/benchmarks.md), no warnings that a user can do nothing about, settings from `.env`. */
const FLAGS = ['--enable-source-maps', '--max-semi-space-size=16', '--disable-warning=TimeoutNegativeWarning', '--disable-warning=ExperimentalWarning'];
const settings = () => (existsSync('.env') ? ['--env-file=.env'] : []);

/** Runs `dist/{program}` in place of this process: nothing may follow. */
export function become(program, args) {
  const node = path('node_modules/node/bin/node');
  accessSync(node, constants.X_OK);
  const argv = [...FLAGS, ...settings(), path(`dist/${program}`), ...args];
  if (process.execve) process.execve(node, [node, ...argv], process.env);
  // an older Node cannot replace itself: then it waits, and hands on what only it is sent (Ctrl-C in a terminal reaches both)
  const child = spawn(node, argv, { stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM')).on('SIGINT', () => {});
  child.on('exit', (status, signal) => process.exit(signal ? 1 : status));
}
