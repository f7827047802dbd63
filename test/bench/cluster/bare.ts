import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ServerName, Servers } from './servers.js';

/** What the servers give to a bare driver: appends of one event, rows upserted 500 at a time, records produced. */
export const BARE = { append: 'eventstoredb', upsert: 'mongodb', produce: 'kafka' } as const satisfies Record<string, ServerName>;
const PROGRAM = new URL('../ceiling/bare-servers.js', import.meta.url).pathname;

/** Per second, by a process of its own that has the machine for so long. */
export async function bare(servers: Servers, kind: keyof typeof BARE, seconds: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=TimeoutNegativeWarning', PROGRAM, kind, servers.url[BARE[kind]], String(seconds)], { timeout: 120_000 });
  return (JSON.parse(stdout) as { rate: number }).rate;
}
