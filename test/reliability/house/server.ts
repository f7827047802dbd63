/** The server as a process of its own, as `npm start` runs it: started, asked, killed, and started again on what it left. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort, until } from '../../bench/ground.js';
import { endsWithUs } from '../../bench/load/tools.js';
import { sender, type Sender } from './sender.js';

const ROOT = resolve(import.meta.dirname, '../../..');
export const NODE = join(ROOT, 'node_modules/node/bin/node');
const MAIN = join(ROOT, 'dist/apps/standalone/main.js');

/** Brings dist/ up to date, where `npm test` has not. */
export const built = (): void => { execFileSync(NODE, [join(ROOT, 'ops/build.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] }); };

/** A folder for a server's data and secrets, and the ports it has at every start. */
export interface Place { root: string; data: string; secrets: string; port: number; mtlsPort: number; env: Record<string, string> }

/** @param gateways the gateways file, as an object · @param env settings over the usual */
export async function newPlace(gateways: object[], env: Record<string, string> = {}): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'heliograph-fault-'));
  const file = join(root, 'gateways.json');
  writeFileSync(file, JSON.stringify(gateways));
  const [data, secrets, port, mtlsPort] = [join(root, 'data'), join(root, 'secrets'), await freePort(), await freePort()];
  const allowed = gateways.map((g) => new URL((g as { url: string }).url).host);
  return {
    root, data, secrets, port, mtlsPort, env: {
      PATH: process.env['PATH'] ?? '', DATA_DIR: data, SECRETS_DIR: secrets, LISTEN_PORTS: String(port), MTLS_PORT: String(mtlsPort), GATEWAY_MOCK_PORT: '0', GATEWAYS_FILE: file,
      EGRESS_ALLOW: [...new Set(allowed)].join(','), RATE_LIMIT_MINUTE: '100000000', RATE_LIMIT_HOUR: '1000000000', RATE_LIMIT_CERTIFICATE_MINUTE: '100000000', LOG_LEVEL: 'warn', SHUTDOWN_SECONDS: '10', ...env,
    },
  };
}
const running = new Set<Server>();
/** Removes the folder, and ends whatever a spec that failed has left running in it. */
export async function removed({ root }: Place): Promise<void> {
  for (const server of running) if (server.place.root === root) await server.end('SIGKILL');
  rmSync(root, { recursive: true, force: true, maxRetries: 3 });
}

export interface Ended { code: number | null; signal: string | null; said: string }

export interface Server {
  child: ChildProcess;
  /** resolves when it says that it is ready; rejects when it ended before */
  ready: Promise<void>;
  ended: Promise<Ended>;
  place: Place;
  /** @returns what it said, once it is gone */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Ended>;
}

/** Starts the server and does not wait for it. */
export function starting(place: Place, env: Record<string, string> = {}): Server {
  const child = endsWithUs(spawn(NODE, ['--disable-warning=ExperimentalWarning', MAIN], { env: { ...place.env, ...env }, cwd: place.root, stdio: ['ignore', 'pipe', 'pipe'] }));
  let said = '';
  const ended = (once(child, 'close') as Promise<[number | null, string | null]>).then(([code, signal]): Ended => ({ code, signal, said }));
  const ready = new Promise<void>((good, bad) => {
    const hear = (part: Buffer): void => {
      said = (said + part.toString('utf8')).slice(-20_000);
      if (said.includes('is ready')) good();
    };
    child.stdout!.on('data', hear);
    child.stderr!.on('data', hear);
    void ended.then(({ code, signal }) => bad(new Error(`the server ended before it was ready (code ${code}, signal ${signal}): ${said}`)));
  });
  ready.catch(() => undefined);
  const server: Server = { child, ready, ended, place, end: (signal) => { child.kill(signal); return ended; } };
  running.add(server);
  void ended.then(() => running.delete(server));
  return server;
}

/** Starts the server; resolves when it is ready. */
export async function started(place: Place, env: Record<string, string> = {}): Promise<Server> {
  const server = starting(place, env);
  await server.ready;
  return server;
}

/** What the command line asks of the running server, over the socket in its data folder. */
export async function operate<T>(place: Place, operation: string, given: object = {}): Promise<T> {
  const socket = createConnection(join(place.data, 'control.sock'));
  socket.write(`${JSON.stringify({ operation, given })}\n`);
  const lines = (await text(socket)).trim().split('\n').map((line) => JSON.parse(line) as { result?: T; error?: unknown });
  const last = lines.at(-1);
  if (last?.result === undefined) throw new Error(`${operation}: ${JSON.stringify(last)}`);
  return last.result;
}

/** A new API token's text. */
export const token = async (place: Place, owner: string, role: 'user' | 'admin' = 'user'): Promise<string> =>
  (await operate<{ token: string }>(place, 'tokens.create', { owner, role })).token;

/** Somebody with this token, on the plain listener. */
export const bearer = (place: Place, secret: string, sockets = 64): Sender => sender({ port: place.port, authorization: `Bearer ${secret}`, sockets });

/** The demo client, on the mutual-TLS listener. */
export function certified(place: Place, sockets = 8): Sender {
  const file = (name: string): Buffer => readFileSync(join(place.secrets, 'clients/demo', name));
  return sender({ port: place.mtlsPort, tls: { ca: file('ca.crt'), cert: file('client.crt'), key: file('client.key') }, sockets });
}

/** Waits until the views have seen all of the log, and nothing is added to it any more. */
export async function caughtUp(place: Place, boundMs = 20_000): Promise<void> {
  let last: unknown;
  try {
    await until('the views have seen the whole log', async () => {
      const { views } = await operate<{ views: { lag: number | null; stopped: string | null }[] }>(place, 'projections.list');
      last = views;
      return views.every((v) => v.lag === 0 && v.stopped === null);
    }, { boundMs, pauseMs: 20 });
  } catch (error) { throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error }); }
}

/** Is anything of this process left? (a zombie that nobody has waited for is not) */
export const alive = (pid: number): boolean => {
  try { process.kill(pid, 0); return true; } catch { return false; }
};
