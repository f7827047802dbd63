import { url as inspector } from 'node:inspector';
import { ConfigurationError, parseConfiguration, type Configuration } from '#libs/platform/configuration/configuration';
import { FIRST_ADMIN } from '#libs/identity/user/first-admin';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import { openHouse, type House, type OpenWorker, type Part } from './house.js';
import { giveBack } from './give-back.js';
import { patiently } from './patiently.js';

/** What only one kind of process does at its start. */
export interface Beside {
  /** only where due work is performed */
  worker?: OpenWorker;
  /** before the house is open: what it needs from outside; answers how it is ended */
  before?(c: Configuration): Promise<() => Promise<void>>;
  /** once it is open: what is printed */
  ready(c: Configuration, house: House, sinceStartMs: number): Promise<string> | string;
}

const began = performance.now();

function configuration(): Configuration {
  try { return parseConfiguration(process.env, process.cwd()); } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    console.error(error.message);
    process.exit(78);
  }
}

/** Whoever debugs a process reads all that it holds, keys too: not in production, neither from the start nor by SIGUSR1 later. */
function refuseInspector(): void {
  process.on('SIGUSR1', () => { console.error('SIGUSR1 is passed over: no debugger in production'); });
  if (inspector() === undefined) return;
  console.error('The debugger is on (--inspect). It shows keys and messages to whoever connects: start without it in production.');
  process.exit(78);
}

/** The life of one process of Heliograph, from its environment to its exit code. Returns once it is open, or never. */
export async function run(parts: readonly Part[], { worker, before, ready }: Beside): Promise<void> {
  const c = configuration();
  if (c.environment === 'production') refuseInspector();
  let house: House | null = null, tracing: Tracing | undefined, after = async (): Promise<void> => {}, ending = false;

  /** Ends in order; a second signal, or a third of the time over, ends at once. */
  async function end(): Promise<void> {
    if (ending) process.exit(1);
    ending = true;
    setTimeout(() => { console.error('could not end in time'); process.exit(1); }, (c.shutdownSeconds + 10) * 1000).unref();
    await house?.close();
    // a collector that does not answer must not hold up the end
    await Promise.race([tracing?.shutdown().catch(() => console.error('the last traces could not be sent')), new Promise((late) => { setTimeout(late, tracing ? 5_000 : 0); })]);
    await after();
    process.exit(0);
  }

  try {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => { void end(); });
    process.on('unhandledRejection', (error) => { console.error('unhandled rejection', error); process.exit(70); });
    if (before) after = await before(c);
    // loaded only where it is asked for
    if (c.otlpEndpoint) tracing = await (await import('#libs/platform/telemetry/tracing')).startTracing(c.otlpEndpoint);
    // a password goes to the console alone, once: never to the log
    const open = (): Promise<House> => openHouse(c, { tracing, parts, ...(worker ? { worker } : {}), drew: (password) => { console.log(generated(c, password)); } });
    house = await (c.engines === 'cluster' ? patiently(open, (what) => { console.error(`${what}: the start is tried again`); }) : open());
    giveBack();
    console.log(await ready(c, house, Math.round(performance.now() - began)));
  } catch (error) {
    // a start that was cut off by a signal has not failed: `end` is at work
    if (ending) return;
    console.error(reason(error));
    if (c.logLevel === 'debug' || c.logLevel === 'trace') console.error(error);
    process.exit(1);
  }
}

const generated = ({ environment }: Configuration, password: string): string => [
  `${environment === 'production' ? '' : '[DEV] '}Generated admin password: ${password}`,
  `It is ${FIRST_ADMIN}'s, is not shown again, and must be changed (POST /api/v1/profile/password) before a browser's session can do anything else.`, '',
].join('\n');

/** What a failed start says. */
function reason(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code !== 'EADDRINUSE') return error.message;
  return `Something else listens on ${address}:${port}. End it, or choose another port: LISTEN_PORTS, MTLS_PORT, GATEWAY_MOCK_PORT, GATEWAY_MOCK_SMTP_PORT.`;
}

/** The addresses that it listens on, one a line. */
export const addresses = (house: House): string[] =>
  house.listening.ports.map(({ host, port, tls }) => `  ${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`);
