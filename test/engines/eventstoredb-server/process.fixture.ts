/** Starts the server as a process of its own, and speaks to its control port: for tests. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Fault } from './faults.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'dist/test/engines/eventstoredb-server/main.js');

export interface State { entries: number; reads: number; subscriptions: number; connections: number }

export interface ServerProcess {
  /** for the client, as EVENTSTORE_URL */
  url: string;
  port: number;
  fault(fault: Fault): Promise<void>;
  clearFaults(): Promise<void>;
  /** how often a fault was met, by `operation fault` */
  met(): Promise<Record<string, number>>;
  state(): Promise<State>;
  /** ends every subscription without an error; answers how many */
  dropSubscriptions(): Promise<number>;
  cutConnections(): Promise<void>;
  /** gossip then names another as the leader; null: itself */
  setLeader(leader: { host: string; port: number } | null): Promise<void>;
  /** blocks it for so long; the control port too */
  freezeFor(ms: number): Promise<void>;
  /** answers nothing, not even at the level of HTTP/2, until `thaw` */
  freeze(): void;
  thaw(): void;
  /** kill -9 */
  kill(): Promise<void>;
  /** again, on the same port and folder; `meanwhile`: what is done to that folder */
  restart(meanwhile?: (folder: string) => void): Promise<void>;
  /** ends it and removes its folder */
  stop(): Promise<void>;
}

/** @param args more of its options, see README.md */
export async function startServerProcess(args: readonly string[] = []): Promise<ServerProcess> {
  if (!existsSync(MAIN)) spawnSync(process.execPath, [join(ROOT, 'ops/build.mjs')], { stdio: 'inherit' });
  const folder = mkdtempSync(join(tmpdir(), 'eventstoredb-'));
  const first = await launch(folder, args, '0');
  const { url } = first;
  const port = Number(/:(\d+)\?/.exec(url)![1]);
  let { child, control } = first;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  };
  const ask = (method: string, path: string, body?: unknown): Promise<unknown> => askControl(control + path, method, body);
  return {
    url, port,
    fault: async (fault) => void (await ask('POST', '/faults', fault)),
    clearFaults: async () => void (await ask('DELETE', '/faults')),
    met: async () => ((await ask('GET', '/faults')) as { met: Record<string, number> }).met,
    state: async () => (await ask('GET', '/')) as State,
    dropSubscriptions: async () => ((await ask('POST', '/drop-subscriptions')) as { dropped: number }).dropped,
    cutConnections: async () => void (await ask('POST', '/cut')),
    setLeader: async (leader) => void (await ask(leader ? 'PUT' : 'DELETE', '/leader', leader ?? undefined)),
    freezeFor: async (ms) => void (await ask('POST', '/freeze', { ms })),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    restart: async (meanwhile) => {
      await end('SIGKILL');
      meanwhile?.(folder);
      ({ child, control } = await launch(folder, args, String(port)));
    },
    stop: async () => {
      await end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function launch(folder: string, args: readonly string[], port: string): Promise<{ child: ChildProcess; url: string; control: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, '--folder', folder, '--port', port, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } });
  const [line] = await Promise.race([
    once(createInterface(child.stdout!), 'line') as Promise<[string]>,
    once(child, 'exit').then(([code]) => { throw new Error(`the server ended with ${code}`); }),
  ]);
  const { url, control } = JSON.parse(line) as { url: string; control: string };
  return { child, url, control };
}

function askControl(url: string, method: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers: { connection: 'close' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
      response.on('end', () => (response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text))));
    });
    call.on('error', reject).end(body === undefined ? '' : JSON.stringify(body));
  });
}
