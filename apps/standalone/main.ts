import 'reflect-metadata';
import { relative } from 'node:path';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { commandsToCopy } from './commands-to-copy.js';
import { ensureDemoClient } from './demo-client.js';
import { PARTS } from './house.js';
import { openWorker } from '../worker/open-worker.js';
import { addresses, run } from './run.js';

let mock: { url: string; close(): Promise<void> } | null = null;
const show = (path: string): string => relative(process.cwd(), path) || '.';

/** `npm start`: all parts in one process, in development with a gateway mock and a client to try it with. */
await run(PARTS, {
  worker: openWorker,
  async before(c) {
    if (!c.gatewayMockPort || c.environment === 'production') return async () => {};
    const { startGatewayMock } = await import('../gateway-mock/gateway-mock.js');
    mock = await startGatewayMock({ port: c.gatewayMockPort, ...(c.gatewayMockSmtpPort ? { smtpPort: c.gatewayMockSmtpPort } : {}), host: '127.0.0.1' });
    return () => mock!.close();
  },
  async ready(c, house, ms) {
    const demo = c.environment === 'production' ? null : await ensureDemoClient(c.secretsDir, house.secrets, house.api.bus, house.credentials, () => systemClock.now());
    return [
      `Heliograph is ready (${ms} ms, engines: ${house.engine.name}).`, ...addresses(house), ...(mock ? [`  ${mock.url}  the gateway mock: messages and mails that it received`] : []), '',
      ...(demo && c.mtlsPort ? commandsToCopy(show(demo), c.mtlsPort) : []), '',
    ].join('\n');
  },
});
