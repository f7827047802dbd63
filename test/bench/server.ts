/** Heliograph as a process of its own: as `npm start` runs it, or one of a cluster's. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { freePort, until, type Ground } from './ground.js';
import { endsWithUs } from './load/tools.js';

const FLAGS = ['--enable-source-maps', '--max-semi-space-size=16', '--disable-warning=ExperimentalWarning'];
const program = (name: string): string => new URL(`../../apps/${name}/main.js`, import.meta.url).pathname;

export interface Place { dataDir: string; secretsDir: string }
/** Data and secrets in a new temporary folder. */
export const newPlace = (ground: Ground): Place => {
  const folder = ground.folder();
  return { dataDir: join(folder, 'data'), secretsDir: join(folder, 'secrets') };
};

/** Limits so high that they only count, as an administrator would raise them. */
const LIMITS_RAISED = { RATE_LIMIT_MINUTE: '100000000', RATE_LIMIT_HOUR: '1000000000', RATE_LIMIT_CERTIFICATE_MINUTE: '100000000' };

export interface Reply { status: number; body: Record<string, unknown>; text: string; ms: number }
export interface Server {
  port: number;
  mtlsPort: number;
  /** milliseconds from the start of the process until it said that it is ready */
  readyMs: number;
  /** certificate, key and CA of the client that the first start makes */
  demo: { cert: string; key: string; ca: string };
  /** a new API token, made by the command line */
  token(owner: string, role?: 'user' | 'admin'): Promise<string>;
  get(path: string, token?: string): Promise<Reply>;
  /** a value of /metrics, by its whole line's beginning */
  metric(name: string): Promise<number>;
  /** processor time spent since its start, in µs: the main thread, and all threads with it */
  cpu(): { main: number; all: number };
  /** resident memory, MiB */
  memory(): number;
  /** Ends it as an administrator does. @throws Error when it did not end well */
  stop(): Promise<void>;
}

/** `standalone` is all of it on the embedded engines; the others are a cluster's. */
export type Program = 'standalone' | 'api' | 'projector' | 'worker';
export interface ServerOptions { env?: Record<string, string>; /** names its profile */ called: string; place?: Place; part?: Program }

/** A server that is not ready by then is ended, which fails its figure. */
const LONGEST_START_MS = 60_000;

/** User and system time, in µs, out of what Linux tells of a process or thread; it counts in 1/100 s. */
const spent = (stat: string): number => {
  const fields = readFileSync(stat, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
};

/** What one of so many things cost, for whoever wants to know where the time goes. */
export const cpuEach = (before: ReturnType<Server['cpu']>, after: ReturnType<Server['cpu']>, things: number): { main: number; all: number } =>
  ({ main: (after.main - before.main) / things, all: (after.all - before.all) / things });

/** @throws Error with what it said when it did not become ready */
export async function startServer(ground: Ground, { env: over = {}, called, place = newPlace(ground), part = 'standalone' }: ServerOptions): Promise<Server> {
  const [port, mtlsPort] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env['PATH'], NODE_ENV: 'development', LISTEN_PORTS: String(port), MTLS_PORT: String(mtlsPort), GATEWAY_MOCK_PORT: '0',
    DATA_DIR: place.dataDir, SECRETS_DIR: place.secretsDir, ...LIMITS_RAISED, ...over,
  };
  const profiling = ground.profiles ? ['--cpu-prof', `--cpu-prof-dir=${join(ground.profiles, called)}`] : [];
  const began = performance.now();
  const child = endsWithUs(spawn(process.execPath, [...FLAGS, ...profiling, program(part)], { env, cwd: join(place.dataDir, '..'), stdio: ['ignore', 'pipe', 'pipe'] }));
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  let said = '', ended: string | null = null;
  void closed.then(([code, signal]) => { ended = `code ${code}, signal ${signal}`; });
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (part: Buffer): void => {
      said = (said + part.toString('utf8')).slice(-4_000);
      if (said.includes('is ready')) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    void closed.then(() => reject(new Error(`the server ended before it was ready: ${said}`)));
  });
  const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_START_MS);
  try { await ready; } finally { clearTimeout(late); }
  const readyMs = performance.now() - began;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  const get = (path: string, token?: string): Promise<Reply> => new Promise((resolve, reject) => {
    const asked = performance.now();
    request({ host: '127.0.0.1', port, path, agent, headers: { host: `localhost:${port}`, ...(token ? { authorization: `Bearer ${token}` } : {}) } }, (answer) => {
      text(answer).then((whole) => resolve({ status: answer.statusCode!, text: whole, body: whole.startsWith('{') ? JSON.parse(whole) as Record<string, unknown> : {}, ms: performance.now() - asked }), reject);
    }).once('error', reject).end();
  });
  return {
    port, mtlsPort, readyMs, get,
    demo: { cert: join(place.secretsDir, 'clients/demo/client.crt'), key: join(place.secretsDir, 'clients/demo/client.key'), ca: join(place.secretsDir, 'clients/demo/ca.crt') },
    async token(owner, role = 'user') {
      const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, program('cli'), 'tokens', 'create', '--owner', owner, '--role', role, '--json'], { env, cwd: join(place.dataDir, '..') });
      return (JSON.parse(stdout) as { token: string }).token;
    },
    async metric(name) {
      const { text: page } = await get('/metrics');
      const line = page.split('\n').find((l) => l.startsWith(name));
      if (!line) throw new Error(`no metric ${name}`);
      return Number(line.slice(line.lastIndexOf(' ') + 1));
    },
    cpu: () => ({ main: spent(`/proc/${child.pid}/task/${child.pid}/stat`), all: spent(`/proc/${child.pid}/stat`) }),
    memory: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024,
    async stop() {
      agent.destroy();
      if (ended !== null) throw new Error(`the server had ended by itself (${ended}): ${said}`);
      child.kill('SIGTERM');
      const [code] = await closed;
      if (code !== 0) throw new Error(`the server ended with ${code}: ${said}`);
    },
  };
}

/** Runs something against a server, which is stopped whatever comes of it. */
export async function withServer<T>(ground: Ground, options: ServerOptions, use: (server: Server) => Promise<T>): Promise<T> {
  const server = await startServer(ground, options);
  let result: T;
  try { result = await use(server); } catch (error) {
    await server.stop().catch((second: unknown) => { throw new Error(`${String(error)}; ${String(second)}`, { cause: error }); });
    throw error;
  }
  await server.stop();
  return result;
}

/** Events that a follower has taken since the server's start. */
export const followed = (server: Server, follower: string): Promise<number> => server.metric(`heliograph_follower_events{follower="${follower}"}`);

/** Waits until a follower has taken so many events since the server's start. */
export const followedTo = (server: Server, follower: string, events: number): Promise<void> =>
  until(`${follower} takes ${events} events`, async () => await followed(server, follower) >= events);
