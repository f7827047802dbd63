/** The load generator and the sink: compiled when first asked for, run, and their one line of JSON read. Options stand at the heads of load.c and sink.c. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/** Is there a C compiler? */
export const compiler = (): boolean => {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return process.platform === 'linux';
  } catch {
    return false;
  }
};

/** Whatever way this process ends, what it started ends with it. */
const started = new Set<ChildProcess>();
process.once('exit', () => { for (const child of started) child.kill('SIGKILL'); });
export function endsWithUs<Child extends ChildProcess>(child: Child): Child {
  started.add(child);
  child.once('close', () => started.delete(child));
  return child;
}

const compile = (program: string, flags: readonly string[], root: string): string => {
  const folder = join(root, 'test/bench/load');
  const hash = createHash('sha256').update(flags.join(' '));
  for (const source of readdirSync(folder).filter((name) => /\.[ch]$/.test(name)).sort()) hash.update(readFileSync(join(folder, source)));
  const file = join(root, '.cache', `${program}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(file)) return file;
  mkdirSync(join(root, '.cache'), { recursive: true });
  const aside = `${file}.${process.pid}`;
  execFileSync('gcc', ['-O2', ...flags.filter((f) => f.startsWith('-D')), '-o', aside, join(folder, `${program}.c`), ...flags.filter((f) => f.startsWith('-l'))], { stdio: 'pipe' });
  renameSync(aside, file); // two programs may build at once
  return file;
};

export interface LoadOptions {
  port: number;
  path?: string;
  /** `{number}` and `{key}` are filled in */
  body?: string;
  headers?: readonly string[];
  connections?: number;
  /** either so many requests or so many seconds */
  requests?: number;
  seconds?: number;
  /** requests that are sent first and not counted */
  warmUp?: number;
  /** keys differ by seed, numbers by `firstNumber`: give each run its own */
  seed?: number;
  firstNumber?: number;
  /** all with this key */
  reuseKey?: string;
  /** mutual TLS: files */
  tls?: { cert: string; key: string; ca: string };
  /** a file that gets `key number status` for each answer */
  record?: string;
  reconnect?: boolean;
}

/** Times in milliseconds, rate in answers per second. `errors`: requests without an answer. `closed`: idle lines that the server ended. */
export interface LoadReport {
  requests: number; seconds: number; rate: number; p50: number; p95: number; p99: number; max: number;
  status: Record<string, number>; errors: number; closed: number; tls: boolean;
}

/** Starts one run of load; `report` resolves when it ends, and rejects when no connection could be made. */
export function load(o: LoadOptions, root = process.cwd()): { child: ChildProcess; report: Promise<LoadReport> } {
  const file = compile('load', o.tls ? ['-DWITH_TLS', '-lssl', '-lcrypto'] : [], root);
  const named: Record<string, string | number | undefined> = {
    port: o.port, path: o.path, body: o.body, connections: o.connections, requests: o.requests, seconds: o.seconds, 'warm-up': o.warmUp,
    seed: o.seed, 'first-number': o.firstNumber, 'reuse-key': o.reuseKey, record: o.record, cert: o.tls?.cert, key: o.tls?.key, ca: o.tls?.ca,
  };
  const args = Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
  const flags = [...(o.headers ?? []).flatMap((h) => ['--header', h]), ...(o.tls ? ['--tls'] : []), ...(o.reconnect ? ['--reconnect'] : [])];
  const child = endsWithUs(spawn(file, [...args, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] }));
  const report = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(([out, problem]) => {
    if (!out.startsWith('{')) throw new Error(problem.trim() || `load ended by ${child.signalCode}`);
    return JSON.parse(out) as LoadReport;
  });
  return { child, report };
}

export interface SinkStats { calls: number; distinct: number; duplicates: number; without_key: number }

export interface Sink {
  port: number;
  /** what arrived, told apart by Idempotency-Key */
  stats(): Promise<SinkStats>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

const ask = (port: number, method: string, path: string): Promise<string> => new Promise((resolve, reject) => {
  request({ host: '127.0.0.1', port, method, path, agent: false }, (answer) => { text(answer).then(resolve, reject); }).on('error', reject).end();
});

/** Starts a sink. `keys`: a file that gets the key of each call; `port` 0 takes a free one; `delayMs`: how long each call takes. */
export async function sink({ keys, port = 0, delayMs = 0 }: { keys?: string; port?: number; delayMs?: number } = {}, root = process.cwd()): Promise<Sink> {
  const child = endsWithUs(spawn(compile('sink', [], root), ['--port', String(port), '--delay', String(delayMs), ...(keys ? ['--keys', keys] : [])], { stdio: ['ignore', 'pipe', 'inherit'] }));
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  const [first] = (await Promise.race([once(lines, 'line'), ended.then(() => ['{}'])])) as [string];
  const { port: at } = JSON.parse(first) as { port?: number };
  if (at === undefined) throw new Error('the sink did not start');
  return {
    port: at,
    stats: async () => JSON.parse(await ask(at, 'GET', '/stats')) as SinkStats,
    reset: async () => { await ask(at, 'POST', '/reset'); },
    close: async () => { child.kill('SIGTERM'); await ended; },
  };
}
