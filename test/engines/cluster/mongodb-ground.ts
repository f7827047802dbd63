import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MongoClient } from 'mongodb';
import { until } from '../../bench/ground.js';

/** Where the server of these tests is. @throws Error, saying how to start one, where the variable is missing */
export function serverUrl(): string {
  const url = process.env['MONGODB_URL'];
  if (!url) throw new Error('MONGODB_URL is not set: `npm run test:engines` starts what is missing');
  return url;
}

export async function withClient<T>(url: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 20_000 });
  try { return await work(client); } finally { await client.close(); }
}

export const dropDatabases = (url: string, database: string): Promise<void> =>
  withClient(url, async (client) => { for (const part of ['views', 'keys', 'shared']) await client.db(`${database}-${part}`).dropDatabase(); });

interface Running { url: string; pid: number; folder: string }
interface Servers {
  servers(names: string[]): Promise<{ up(at: { cache: string; folder: string; port: number }): Promise<{ url: string; pid: number }> }[]>;
  up(server: unknown, owner: number): Promise<Running & Record<string, unknown>>;
  down(entry: unknown): Promise<void>;
  cacheOf(name: string): string;
}

/** A server that one spec has for itself, to be killed and frozen. */
export class OwnServer {
  private constructor(private readonly ops: Servers, private entry: Running & Record<string, unknown>) {}

  static async start(): Promise<OwnServer> {
    const ops = await import(pathToFileURL(join(process.cwd(), 'ops/engines/servers.mjs')).href) as Servers;
    const [server] = await ops.servers(['mongodb']);
    return new OwnServer(ops, await ops.up(server, process.pid));
  }

  get url(): string { return this.entry.url; }
  freeze(): void { process.kill(this.entry.pid, 'SIGSTOP'); }
  thaw(): void { process.kill(this.entry.pid, 'SIGCONT'); }
  kill(): void { process.kill(this.entry.pid, 'SIGKILL'); }

  /** On the same port and data as before, once the one that was killed has left them. */
  async restart(): Promise<void> {
    const [server] = await this.ops.servers(['mongodb']);
    const { pid: before } = this.entry;
    await until('it is gone', () => { try { process.kill(before, 0); return Promise.resolve(false); } catch { return Promise.resolve(true); } }, { boundMs: 10_000, pauseMs: 5 });
    const { pid } = await server!.up({ cache: this.ops.cacheOf('mongodb'), folder: this.entry.folder, port: Number(new URL(this.entry.url).port) });
    this.entry = { ...this.entry, pid, started: undefined };
  }

  async stop(): Promise<void> {
    try { this.kill(); } catch { /* it is gone already */ }
    await this.ops.down(this.entry);
  }
}
