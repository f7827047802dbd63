/** The cluster's three servers, in folders of their own, as `ops/engines` starts them for tests. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort, type Ground } from '../ground.js';

export type ServerName = 'eventstoredb' | 'mongodb' | 'kafka';
interface Up { url: string; pid: number }
interface ServerModule { name: ServerName; variable: string; up(o: { cache: string; folder: string; port: number }): Promise<Up> }
interface Operations {
  servers(names: string[]): Promise<ServerModule[]>;
  install(server: ServerModule, say: (text: string) => void): Promise<void>;
  cacheOf(name: string): string;
}

export interface Servers {
  /** EVENTSTORE_URL, MONGODB_URL, KAFKA_BROKERS */
  env: Record<string, string>;
  url: Record<ServerName, string>;
  close(): Promise<void>;
}

/** Whatever way this process ends, they end with it. */
const started = new Set<number>();
process.once('exit', () => { for (const pid of started) try { process.kill(pid, 'SIGKILL'); } catch { /* it has ended */ } });

const operations = <T>(file: string): Promise<T> => import(pathToFileURL(join(process.cwd(), 'ops/engines', file)).href) as Promise<T>;

/** Installs what is missing, and starts all three. @throws Error in a sentence where one cannot be had */
export async function startServers(ground: Ground): Promise<Servers> {
  const { servers, install, cacheOf } = await operations<Operations>('servers.mjs');
  const { end } = await operations<{ end(pid: number): Promise<void> }>('process.mjs');
  const root = ground.folder(), pids: number[] = [];
  const found: Servers = {
    env: {}, url: { eventstoredb: '', mongodb: '', kafka: '' },
    close: async () => { await Promise.all(pids.map(async (pid) => { await end(pid); started.delete(pid); })); },
  };
  try {
    await Promise.all((await servers([])).map(async (server) => {
      await install(server, (text) => ground.say(text));
      const folder = join(root, server.name);
      mkdirSync(folder);
      const { url, pid } = await server.up({ cache: cacheOf(server.name), folder, port: await freePort() });
      pids.push(pid);
      started.add(pid);
      found.env[server.variable] = url;
      found.url[server.name] = url;
    }));
  } catch (error) {
    await found.close();
    throw error;
  }
  return found;
}
