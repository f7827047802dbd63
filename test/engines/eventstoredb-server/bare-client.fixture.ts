/** The bare client against servers of their own: what its specs share. */
import { EventStoreDBClient, jsonEvent, NO_STREAM, type AppendResult, type EventData } from '@eventstore/db-client';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';

const open: EventStoreDBClient[] = [];

/** A client that `disposeAll` ends. */
export function clientOf({ url }: { url: string }, more = ''): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(`${url}${more}`);
  open.push(client);
  return client;
}
export const disposeAll = async (): Promise<void> => void (await Promise.all(open.splice(0).map((client) => client.dispose())));

export const newStream = (): string => `stream-${randomUUID()}`;
export const event = (data: Record<string, unknown> = {}): EventData => jsonEvent({ type: 'Happened', data });
export const append = (client: EventStoreDBClient, stream: string, ...events: EventData[]): Promise<AppendResult> =>
  client.appendToStream(stream, events, { expectedRevision: NO_STREAM });

/** What became of it within this time: a bound for what never ends. */
export async function within(ms: number, promise: Promise<unknown>): Promise<string> {
  const { promise: late, resolve: end } = Promise.withResolvers<string>();
  const timer = setTimeout(end, ms, 'pending');
  return Promise.race([late, promise.then(() => 'resolved', () => 'rejected')]).finally(() => clearTimeout(timer));
}

/** @throws Error when it does not come to hold in time */
export async function until(condition: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  const late = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > late) throw new Error(`it does not hold after ${ms} ms`);
    await new Promise((next) => setTimeout(next, 5));
  }
}

export type ClientError = Error & { type?: string; code?: number };

/** The error with which it rejects. @throws Error when it resolves */
export function refusal(promise: Promise<unknown>): Promise<ClientError> {
  return promise.then(() => { throw new Error('it resolved'); }, (error: ClientError) => error);
}

export interface Script { lines: string[]; line(text: string): Promise<void>; ended: Promise<{ code: number | null; err: string }>; kill(): void }

/**
 * Runs JavaScript in a process of its own, for what an unhandled error does to a process. It finds the client's exports,
 * `URL_OF_SERVER` and `say(text)`, which comes back as a line.
 */
export function runScript(url: string, source: string, flags: readonly string[] = []): Script {
  const prelude = `const { EventStoreDBClient, jsonEvent, streamNameFilter, START, NO_STREAM } = require('@eventstore/db-client');
    const client = EventStoreDBClient.connectionString(${JSON.stringify(url)});
    const say = (text) => require('node:fs').writeSync(1, text + '\\n');
    (async () => { ${source} })();`;
  const child = spawn(process.execPath, [...flags, '-e', prelude], { cwd: resolve(import.meta.dirname, '../../..'), env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  let rest = '', err = '';
  child.stdout.on('data', (chunk) => {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    for (const wake of waiting.splice(0)) wake();
  });
  child.stderr.on('data', (chunk) => { err += String(chunk); });
  const ended = new Promise<{ code: number | null; err: string }>((done) => { child.once('close', (code) => { done({ code, err }); for (const wake of waiting.splice(0)) wake(); }); });
  return {
    lines, ended,
    kill: () => void child.kill('SIGKILL'),
    async line(text) {
      while (!lines.includes(text)) {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} before it said "${text}": ${err}`);
        await new Promise<void>((wake) => waiting.push(wake));
      }
    },
  };
}
