import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startServer, type ServerOptions } from './server.js';

const USAGE = 'usage: main.js --folder FOLDER [--port N] [--control-port N] [--host HOST] [--username NAME --password WORD] [--cert FILE --key FILE]';

function optionsOf(args: string[]): ServerOptions {
  const text = { type: 'string' } as const;
  const { values: v } = parseArgs({ args, options: { folder: text, port: text, 'control-port': text, host: text, username: text, password: text, cert: text, key: text } });
  if (v.folder === undefined) throw new Error('--folder: where the events are kept');
  if ((v.username === undefined) !== (v.password === undefined)) throw new Error('--username and --password go together');
  if ((v.cert === undefined) !== (v.key === undefined)) throw new Error('--cert and --key go together');
  return {
    folder: v.folder,
    port: portOf(v.port),
    controlPort: portOf(v['control-port']),
    ...(v.host !== undefined && { host: v.host }),
    ...(v.username !== undefined && { login: { username: v.username, password: v.password! } }),
    ...(v.cert !== undefined && { tls: { cert: readFileSync(v.cert), key: readFileSync(v.key!) } }),
  };
}

function portOf(text = '0'): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new Error(`a port is a number from 0 (any free one) to 65535, not "${text}"`);
  return port;
}

try {
  const server = await startServer(optionsOf(process.argv.slice(2)));
  // the first line says, for whoever started it, where it is
  console.log(JSON.stringify({ url: server.url, control: server.controlUrl, pid: process.pid }));
  const stop = (): void => void server.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exit(2);
}
