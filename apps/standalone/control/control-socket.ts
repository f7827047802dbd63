import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Parts } from './operation.js';
import { failureOf, perform, type Asked } from './perform.js';
import { socketPath } from './socket-path.js';

/** A request is a short line; whoever sends more is not our command line. */
const LONGEST_REQUEST = 64 * 1024;
/** Progress is for eyes. */
const PROGRESS_EVERY_MS = 100;
/** At the end: how long whoever asked may take to read the answer. */
const READ_WITHIN_MS = 1_000;

export interface ControlSocket {
  path: string;
  /** Takes no more, ends what is under way, and takes the socket away. */
  close(): Promise<void>;
}

/**
 * Listens in the data folder (0700) on a socket of mode 0600, so that only the user whom the data belongs to may ask. The
 * folder's lock must be held: a socket that is there already was then left by a process that died.
 */
export async function openControlSocket(parts: Parts, performing: typeof perform = perform): Promise<ControlSocket> {
  const path = socketPath(parts.configuration.dataDir);
  rmSync(path, { force: true });
  const ending = new AbortController();
  const open = new Set<Socket>();
  const underWay = new Set<Promise<void>>();

  const server = createServer((socket) => {
    open.add(socket);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    const take = (chunk: string): void => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0 && text.length <= LONGEST_REQUEST) return;
      socket.off('data', take);
      const work = answer(parts, performing, end < 0 ? null : text.slice(0, end), socket, ending.signal);
      underWay.add(work);
      void work.finally(() => underWay.delete(work));
    };
    socket.on('data', take);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => { server.off('error', reject); resolve(); });
  });
  chmodSync(path, 0o600);
  server.unref();

  return {
    path,
    async close() {
      ending.abort();
      const closed = new Promise<void>((resolve) => { server.close(() => resolve()); });
      await Promise.all(underWay);
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function answer(parts: Parts, performing: typeof perform, line: string | null, socket: Socket, signal: AbortSignal): Promise<void> {
  // Whoever asked may be gone: the work is done all the same.
  const say = (what: object): void => { if (socket.writable) socket.write(`${JSON.stringify(what)}\n`); };
  let told = -Infinity;
  try {
    const result = await performing(parts, asked(line), {
      signal,
      progress: (at) => {
        const now = parts.clock.monotonic();
        if (now - told < PROGRESS_EVERY_MS) return;
        told = now;
        say({ progress: at });
      },
    });
    say({ result });
  } catch (error) {
    say({ error: failureOf(error) });
  }
  // Whoever has stopped reading must not hold up the end.
  let cancel = (): void => {};
  const hurry = (): void => { cancel = parts.clock.after(READ_WITHIN_MS, () => socket.destroy()); };
  if (signal.aborted) hurry(); else signal.addEventListener('abort', hurry, { once: true });
  await new Promise<void>((resolve) => { if (socket.destroyed) resolve(); else socket.end(() => resolve()).once('close', () => resolve()); });
  signal.removeEventListener('abort', hurry);
  cancel();
}

/** @throws Error for a line that is not one request */
function asked(line: string | null): Asked {
  let value: unknown = null;
  try { value = line === null ? null : JSON.parse(line); } catch { /* told below */ }
  if (typeof value === 'object' && value !== null && 'operation' in value && typeof value.operation === 'string' && 'given' in value) return { operation: value.operation, given: value.given };
  throw new Error('A request is one line of JSON: {"operation": …, "given": …}.');
}
