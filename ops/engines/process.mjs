// Starting and ending a server's process.
import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 100;

export function isAlive(pid) {
  try { process.kill(pid, 0); return true; }
  catch (error) { return error.code === 'EPERM'; }
}

/** When a process began, as the system counts; '' where that cannot be told. */
export function startOf(pid) {
  try { return readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ')[19]; }
  catch { return ''; }
}

/** Whether something accepts connections there. */
export const accepts = (port, host = '127.0.0.1') => new Promise((resolve) => {
  const socket = connect({ port, host, timeout: 1000 });
  const answer = (yes) => { socket.destroy(); resolve(yes); };
  socket.once('connect', () => answer(true)).once('error', () => answer(false)).once('timeout', () => answer(false));
});

/**
 * Starts a server in a process group of its own; what it says goes to FOLDER/output.log. Resolves to its pid once
 * `answers()` holds; when it ends before that, or does not answer in time, it is ended and the end of its output is thrown.
 */
export async function launch({ command, args, folder, env = process.env, answers, withinMs = 60_000 }) {
  const log = join(folder, 'output.log');
  const out = openSync(log, 'a', 0o600);
  const child = spawn(command, args, { cwd: folder, env, detached: true, stdio: ['ignore', out, out] });
  closeSync(out);
  let failure = null;
  child.once('error', (error) => { failure = error.message; });
  child.once('exit', (code, signal) => { failure ??= `it ended with ${code ?? signal}`; });
  child.unref();
  const deadline = performance.now() + withinMs;
  while (failure === null) {
    if (await answers()) return child.pid;
    if (performance.now() > deadline) failure = `it does not answer after ${withinMs} ms`;
    else await pause(EVERY_MS);
  }
  if (child.pid) await end(child.pid);
  throw new Error(`${command}: ${failure}\n${readFileSync(log, 'utf8').split('\n').slice(-20).join('\n')}`);
}

/** Ends a process that was started by `launch`, politely then hard. */
export async function end(pid, politelyMs = 5_000) {
  for (const [signal, ms] of [['SIGCONT', 0], ['SIGTERM', politelyMs], ['SIGKILL', 10_000]]) {
    try { process.kill(pid, signal); } catch { return; }
    for (const deadline = performance.now() + ms; performance.now() < deadline;) {
      if (!isAlive(pid) || isZombie(pid)) return;
      await pause(EVERY_MS / 2);
    }
  }
}

const isZombie = (pid) => {
  try { return readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').startsWith('Z'); }
  catch { return false; }
};
