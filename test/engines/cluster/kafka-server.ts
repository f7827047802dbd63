/** A broker of a spec's own, which it may kill. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../../bench/ground.js';

/** A second listener, with TLS and passwords, and the settings that it needs. */
export interface Secure { port: number; settings: Record<string, string> }
/** What ops/engines/kafka/server.mjs exports; see ops/engines/servers.mjs. */
interface Server { missing(cache: string): string | null; up(at: { cache: string; folder: string; port: number; secure?: Secure }): Promise<{ url: string; pid: number }> }

export interface OwnBroker {
  folder: string;
  /** Starts it, or starts it again on what it held; answers where it is. */
  start(): Promise<string>;
  kill(): void;
  /** Ends it and removes what it held. */
  remove(): void;
}

const tool = async <T>(name: string): Promise<T> => (await import(pathToFileURL(join(resolve(import.meta.dirname, '../../../ops/engines'), name)).href)) as T;

/** @throws Error with one sentence when its packages are not there */
export async function ownBroker(secure?: (folder: string) => Promise<Secure>): Promise<OwnBroker> {
  const server = (await tool<{ default: Server }>('kafka/server.mjs')).default;
  const cache = (await tool<{ cacheOf(name: string): string }>('servers.mjs')).cacheOf('kafka');
  const missing = server.missing(cache);
  if (missing !== null) throw new Error(missing);
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-kafka-'));
  const at = { cache, folder, port: await freePort(), ...(secure ? { secure: await secure(folder) } : {}) };
  let pid = 0;
  const kill = (): void => { if (pid !== 0) process.kill(pid, 'SIGKILL'); pid = 0; };
  return {
    folder, kill,
    start: async () => { const up = await server.up(at); pid = up.pid; return up.url; },
    remove: () => { kill(); rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }); },
  };
}
