/** A cluster on this machine: three servers and several processes of each part, each of which can be killed and started again, and the lines between them. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';
import { openEngines } from '#libs/engines/engines';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { parseConfiguration } from '#libs/platform/configuration/configuration';
import { freePort, until } from '../../bench/ground.js';
import { endsWithUs } from '../../bench/load/tools.js';
import { held, type Found } from '../house/audit.js';
import { NODE } from '../house/server.js';
import { sender, type Sender } from '../house/sender.js';
import { lineTo, type Line } from './line.js';

const ROOT = resolve(import.meta.dirname, '../../..');
export type Part = 'api' | 'projector' | 'worker';
export type ServerName = 'eventstoredb' | 'mongodb' | 'kafka';
const VARIABLES: Record<ServerName, string> = { eventstoredb: 'EVENTSTORE_URL', mongodb: 'MONGODB_URL', kafka: 'KAFKA_BROKERS' };

interface Up { url: string; pid: number }
interface ServerModule { name: ServerName; up(o: { cache: string; folder: string; port: number; advertised?: number }): Promise<Up> }
interface Servers { servers(names: string[]): Promise<ServerModule[]>; install(server: ServerModule, say: (text: string) => void): Promise<void>; cacheOf(name: string): string }

/** One of the three servers, in a folder of its own, behind a line. */
export interface Server { name: ServerName; pid: number; line: Line; kill(): Promise<void>; start(): Promise<void>; freeze(): void; thaw(): void }
/** One process of Heliograph. */
export interface Member { name: string; part: Part; port: number; said(): string; /** answers its exit code; null: it was killed, or was not there */ kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<number | null>; start(): Promise<void> }

const gone = (pid: number): Promise<void> => until(`process ${pid} is gone`, () => { try { process.kill(pid, 0); return Promise.resolve(false); } catch { return Promise.resolve(true); } }, { boundMs: 20_000, pauseMs: 20 });

/** All of them have ended before anybody is told of the one that failed: what was started is known then, and can be ended. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  for (const done of await Promise.allSettled(work)) if (done.status === 'rejected') throw done.reason;
}

export class Cluster {
  readonly servers = new Map<ServerName, Server>();
  readonly members: Member[] = [];
  readonly root = mkdtempSync(join(tmpdir(), 'heliograph-cluster-'));
  readonly #env: Record<string, string> = {};
  readonly #clusterName = `c${process.pid}`;

  /** @param gateways the gateways file, as an object */
  static async open(gateways: object[], counts: Record<Part, number>, env: Record<string, string> = {}): Promise<Cluster> {
    const cluster = new Cluster();
    // whatever way this process ends, what it started ends with it
    process.once('exit', () => { for (const { pid } of cluster.servers.values()) try { process.kill(pid, 'SIGKILL'); } catch { /* it has ended */ } });
    try {
      await cluster.#open(gateways, counts, env);
      return cluster;
    } catch (error) { await cluster.close(); throw error; }
  }

  async #open(gateways: object[], counts: Record<Part, number>, env: Record<string, string>): Promise<void> {
    const ops = await import(pathToFileURL(join(ROOT, 'ops/engines/servers.mjs')).href) as Servers;
    const urls: Record<string, string> = {};
    await all((await ops.servers([])).map(async (module) => {
      await ops.install(module, () => {});
      const server = await this.#server(module, ops.cacheOf(module.name));
      urls[VARIABLES[module.name]] = server.url.replace(/:\d+/, `:${server.line.port}`);
    }));
    const file = join(this.root, 'gateways.json');
    writeFileSync(file, JSON.stringify(gateways));
    Object.assign(this.#env, urls, {
      PATH: process.env['PATH'] ?? '', NODE_ENV: 'test', ENGINES: 'cluster', CLUSTER_NAME: this.#clusterName, DATA_DIR: join(this.root, 'data'), SECRETS_DIR: join(this.root, 'secrets'), GATEWAY_MOCK_PORT: '0', GATEWAYS_FILE: file,
      EGRESS_ALLOW: [...new Set(gateways.map((g) => new URL((g as { url: string }).url).host))].join(','), RATE_LIMIT_MINUTE: '100000000', RATE_LIMIT_HOUR: '1000000000', RATE_LIMIT_CERTIFICATE_MINUTE: '100000000',
      LOG_LEVEL: 'warn', SHUTDOWN_SECONDS: '10', ADMIN_PASSWORD: 'Correct-horse-7', MTLS_PORT: '0', ...env,
    });
    for (const part of ['api', 'projector', 'worker'] as const) {
      for (let i = 1; i <= counts[part]; i++) await this.#member(part, `${part} ${i}`);
    }
    const [first, ...others] = this.members;
    await first!.start(); // it makes keys and secrets for all
    await all(others.map((member) => member.start()));
  }

  async #server(module: ServerModule, cache: string): Promise<Server & { url: string }> {
    const folder = mkdtempSync(join(this.root, `${module.name}-`));
    const port = await freePort();
    const line = await lineTo(port);
    const up = (): Promise<Up> => module.up({ cache, folder, port, ...(module.name === 'kafka' ? { advertised: line.port } : {}) });
    const { pid, url } = await up();
    const server: Server & { url: string } = {
      name: module.name, pid, url, line,
      async kill() { process.kill(server.pid, 'SIGKILL'); await gone(server.pid); },
      async start() { server.pid = (await up()).pid; },
      freeze: () => { process.kill(server.pid, 'SIGSTOP'); },
      thaw: () => { process.kill(server.pid, 'SIGCONT'); },
    };
    this.servers.set(module.name, server);
    return server;
  }

  async #member(part: Part, name: string): Promise<Member> {
    const port = await freePort();
    let end: ((signal: 'SIGKILL' | 'SIGTERM') => Promise<number | null>) | null = null;
    let text = '';
    const member: Member = {
      name, part, port, said: () => text,
      start: () => new Promise((ready, failed) => {
        const child = endsWithUs(spawn(NODE, ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning', join(ROOT, `dist/apps/${part}/main.js`)], { env: { ...this.#env, LISTEN_PORTS: String(port) }, cwd: this.root, stdio: ['ignore', 'pipe', 'pipe'] }));
        const ended = new Promise<number | null>((done) => { child.once('close', (code, signal) => { failed(new Error(`${name} ended (${code ?? signal}): ${text}`)); done(code); }); });
        const hear = (bytes: Buffer): void => { text = (text + String(bytes)).slice(-20_000); if (text.includes('is ready')) ready(); };
        child.stdout!.on('data', hear);
        child.stderr!.on('data', hear);
        end = (signal) => { child.kill(signal); return ended; };
        text = '';
      }),
      async kill(signal = 'SIGKILL') { const ending = end?.(signal); end = null; return await ending ?? null; },
    };
    this.members.push(member);
    return member;
  }

  /** One more, as another host would run it. */
  async joined(part: Part): Promise<Member> {
    const member = await this.#member(part, `${part} ${this.of(part).length + 1}`);
    await member.start();
    return member;
  }
  /** One that has ended and does not come back. */
  left(member: Member): void { this.members.splice(this.members.indexOf(member), 1); }

  server(name: ServerName): Server { return this.servers.get(name)!; }
  of(part: Part): Member[] { return this.members.filter((m) => m.part === part); }

  /** The command line, as an administrator calls it. */
  async cli<T>(...words: string[]): Promise<T> {
    return JSON.parse((await promisify(execFile)(join(ROOT, 'ops/bin/heliograph'), [...words, '--json'], { env: this.#env, cwd: this.root })).stdout) as T;
  }
  async token(owner: string, role: 'user' | 'admin' = 'user'): Promise<string> { return (await this.cli<{ token: string }>('tokens', 'create', '--owner', owner, '--role', role)).token; }
  /** Somebody with this token, at one of the APIs. */
  bearer(secret: string, api = 0, sockets = 32): Sender { return sender({ port: this.of('api')[api]!.port, authorization: `Bearer ${secret}`, sockets }); }
  /** What a process says of itself; null where it does not answer. */
  async asked(member: Member, path: '/ready' | '/metrics' | '/health'): Promise<{ status: number; text: string } | null> {
    try { const r = await fetch(`http://127.0.0.1:${member.port}${path}`, { signal: AbortSignal.timeout(8_000) }); return { status: r.status, text: await r.text() }; } catch { return null; }
  }
  async ready(member: Member): Promise<boolean> { return (await this.asked(member, '/ready'))?.status === 200; }
  async allReady(boundMs = 60_000): Promise<void> {
    for (const member of this.members) await until(`${member.name} is ready`, () => this.ready(member), { boundMs, pauseMs: 100 });
  }

  /** Wipes the views' database: keys and what is shared stay. */
  async wipeViews(): Promise<void> {
    const client = new MongoClient(this.#env[VARIABLES.mongodb]!);
    try { await client.db(`${this.#clusterName}-views`).dropDatabase(); } finally { await client.close(); }
  }

  /** What the engines hold, read through the engines in this process. */
  async audit(): Promise<Found> {
    const engine = await openEngines(parseConfiguration(this.#env, this.root), systemClock);
    try { return await held(engine, readFileSync(join(this.root, 'secrets/master.key'))); } finally { await engine.close(); }
  }

  async close(): Promise<void> {
    for (const member of this.members) await member.kill();
    for (const server of this.servers.values()) {
      try { server.thaw(); await server.kill(); } catch { /* it was killed before */ }
      await server.line.close();
    }
    if (existsSync(this.root)) rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
