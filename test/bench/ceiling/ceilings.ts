import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { endsWithUs, load, type LoadReport } from '../load/tools.js';
import type { Ground } from '../ground.js';

export const CONNECTIONS = 64;

/** The native body, due far from now: it is accepted and kept, and nothing is sent. */
export const DUE_LATER = '{"to":"{number}","body":"Hello, this is a message of an ordinary length, neither short nor long.","send_at":"2099-01-01T00:00:00Z"}';
/** The native body, due at once. */
export const DUE_NOW = '{"to":"{number}","body":"Hello, this is a message of an ordinary length, neither short nor long."}';
/** S1's body. */
export const S1_BODY = '{"sender_number":"{number}","message_body":"Hello, this is a message of an ordinary length, neither short nor long."}';

/** What `node:http` does with the same requests from the same generator, in answers per second. */
export interface HttpCeiling { measure(body: string, seconds: number): Promise<number>; close(): Promise<void> }

/** Starts it as a process of its own, and warms it. */
export async function httpCeiling(ground: Ground): Promise<HttpCeiling> {
  const child = endsWithUs(spawn(process.execPath, [new URL('./node-http.js', import.meta.url).pathname], { stdio: ['ignore', 'pipe', 'inherit'] }));
  const closed = once(child, 'close');
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), closed.then(() => { throw new Error('the ceiling did not start'); })]) as [string];
  const { port } = JSON.parse(line) as { port: number };
  const token = `Authorization: Bearer hg_${'0'.repeat(32)}_${'0'.repeat(43)}`;
  const measure = async (body: string, seconds: number): Promise<number> => allAnswered(await load({ port, body, seconds, warmUp: 5_000, connections: CONNECTIONS, headers: [token], ...ground.fresh() }).report, 202).rate;
  return { measure, close: async () => { child.kill('SIGTERM'); await closed; } };
}

/** @throws Error when a request got another answer, or none */
export function allAnswered(report: LoadReport, status: number): LoadReport {
  if (report.errors > 0 || report.closed > 0 || report.status[status] !== report.requests) throw new Error(`not all were answered ${status}: ${JSON.stringify(report)}`);
  return report;
}

const BLOCK = Buffer.alloc(16 * 1024, 'x');

/** Writes of 16 KiB, each flushed to the disk, per second, in this folder. */
export function diskCeiling(folder: string, seconds: number): number {
  const path = join(folder, 'fsync');
  const file = openSync(path, 'w');
  try {
    const began = performance.now(), end = began + seconds * 1000;
    let writes = 0;
    for (; performance.now() < end; writes++) { writeSync(file, BLOCK); fsyncSync(file); }
    return (writes * 1000) / (performance.now() - began);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
