import 'reflect-metadata';
import { url as inspector } from 'node:inspector';
import { relative } from 'node:path';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { ConfigurationError, parseConfiguration, type Configuration } from '#libs/platform/configuration/configuration';
import { createLog } from '#libs/platform/telemetry/log';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import { ensureDemoClient } from './demo-client.js';
import { openHouse, type House } from './house.js';

const began = performance.now();

function configuration(): Configuration {
  try { return parseConfiguration(process.env, process.cwd()); } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    console.error(error.message);
    process.exit(78);
  }
}

function banner(c: Configuration, house: House, demo: string | null, mock: string | null): string {
  const show = (path: string): string => relative(process.cwd(), path) || '.';
  const lines = house.listening.ports.map(({ host, port, tls }) => `  ${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const mtls = house.listening.ports.find((p) => p.tls && p.port !== 0);
  return [
    `Heliograph is ready (${Math.round(performance.now() - began)} ms).`, ...lines, ...(mock ? [`  ${mock}  the gateway mock: what it received`] : []), '',
    ...(demo && mtls ? [
      'Send a message, over mutual TLS:',
      `  python3 ops/clients/send_message.py --sender "+15550001111" --message "Hello" --cert ${show(demo)}/client.crt --key ${show(demo)}/client.key${mtls.port === 8001 ? '' : ` --url https://localhost:${mtls.port}/api/v1/messages`}`,
      'See its life (take the id that the first command printed; without an id it shows the newest):',
      '  npx heliograph messages replay',
    ] : []), '',
  ].join('\n');
}

/** Whoever debugs a process reads all that it holds, keys too: not in production, neither from the start nor by SIGUSR1 later. */
function refuseInspector(): void {
  process.on('SIGUSR1', () => { console.error('SIGUSR1 is passed over: no debugger in production'); });
  if (inspector() === undefined) return;
  console.error('The debugger is on (--inspect). It shows keys and messages to whoever connects: start without it in production.');
  process.exit(78);
}

const c = configuration();
if (c.environment === 'production') refuseInspector();
let house: House | null = null;
let tracing: Tracing | undefined;
let mock: { url: string; close(): Promise<void> } | null = null;

/** Ends in order; a second signal, or a third of the time over, ends at once. */
let ending = false;
async function end(): Promise<void> {
  if (ending) process.exit(1);
  ending = true;
  setTimeout(() => { console.error('could not end in time'); process.exit(1); }, (c.shutdownSeconds + 10) * 1000).unref();
  await house?.close();
  // a collector that does not answer must not hold up the end
  await Promise.race([tracing?.shutdown().catch(() => console.error('the last traces could not be sent')), new Promise((late) => { setTimeout(late, tracing ? 5_000 : 0); })]);
  await mock?.close();
  process.exit(0);
}

try {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => { void end(); });
  process.on('unhandledRejection', (error) => { console.error('unhandled rejection', error); process.exit(70); });
  if (c.gatewayMockPort && c.environment !== 'production') {
    const { startGatewayMock } = await import('../gateway-mock/gateway-mock.js');
    mock = await startGatewayMock({ port: c.gatewayMockPort, host: '127.0.0.1' });
  }
  // loaded only where it is asked for
  if (c.otlpEndpoint) tracing = await (await import('#libs/platform/telemetry/tracing')).startTracing(c.otlpEndpoint);
  house = await openHouse(c, systemClock, createLog(c.logLevel), tracing);
  const demo = c.environment === 'production' ? null : await ensureDemoClient(c.secretsDir, house.secrets, house.api.bus, house.credentials, () => systemClock.now());
  console.log(banner(c, house, demo, mock?.url ?? null));
} catch (error) {
  // a start that was cut off by a signal has not failed: `end` is at work
  if (!ending) {
    console.error(error instanceof Error ? error.message : error);
    if (c.logLevel === 'debug' || c.logLevel === 'trace') console.error(error);
    process.exit(1);
  }
}
