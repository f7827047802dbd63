import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/node/bin/node');

export interface Ended { out: string; err: string; code: number | null }
const collected = (child: ChildProcess): Promise<Ended> => {
  let out = '', err = '';
  child.stdout!.on('data', (d) => { out += String(d); });
  child.stderr!.on('data', (d) => { err += String(d); });
  return new Promise((done) => { child.once('close', (code) => done({ out, err, code })); });
};

/** The real programs, each in a process of its own, on one folder. `end` leaves none behind. */
export class Program {
  readonly env: Record<string, string>;
  readonly #children: ChildProcess[] = [];
  constructor(readonly folder: string, env: Record<string, string> = {}) {
    this.env = {
      PATH: process.env['PATH'] ?? '', DATA_DIR: join(folder, 'data'), SECRETS_DIR: join(folder, 'secrets'), LISTEN_PORTS: '0', MTLS_PORT: '0', GATEWAY_MOCK_PORT: '0', LOG_LEVEL: 'trace', NODE_ENV: 'test', ...env,
    };
  }

  /** One command line, to its end. */
  cli(...words: string[]): Promise<Ended> {
    return collected(spawn(join(ROOT, 'ops/bin/heliograph'), words, { env: this.env, cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] }));
  }
  /** The server, to its end. */
  serve(...flags: string[]): { child: ChildProcess; ended: Promise<Ended> } {
    const child = spawn(NODE, ['--disable-warning=ExperimentalWarning', ...flags, join(ROOT, 'dist/apps/standalone/main.js')], { env: this.env, cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    return { child, ended: collected(child) };
  }
  /** The server, once it is ready. @throws Error when it ends before */
  async start(): Promise<{ child: ChildProcess; ended: Promise<Ended>; url: string }> {
    const { child, ended } = this.serve();
    const url = await new Promise<string>((ready, failed) => {
      let text = '';
      child.stdout!.on('data', (d) => { text += String(d); const at = /is ready[^]*?(http:\/\/\S+)/.exec(text); if (at) ready(at[1]!); });
      void ended.then(({ out, err }) => { failed(new Error(`the server ended: ${out} ${err}`)); });
    });
    return { child, ended, url };
  }

  end(): void { for (const child of this.#children) child.kill('SIGKILL'); }
}
