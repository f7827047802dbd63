import { startGatewayMock } from './gateway-mock.js';

const asked = process.env['GATEWAY_MOCK_PORT'] ?? '5555';
const port = /^\d{1,5}$/.test(asked) ? Number(asked) : -1;
if (port < 0 || port > 65_535) {
  console.error(`GATEWAY_MOCK_PORT is a port from 0 (any free one) to 65535, not "${asked}"`);
  process.exit(2);
}
const askedSmtp = process.env['GATEWAY_MOCK_SMTP_PORT'] ?? '2525';
const smtpPort = /^\d{1,5}$/.test(askedSmtp) ? Number(askedSmtp) : -1;
if (smtpPort < 0 || smtpPort > 65_535) {
  console.error(`GATEWAY_MOCK_SMTP_PORT is a port from 0 (any free one) to 65535, not "${askedSmtp}"`);
  process.exit(2);
}

try {
  const mock = await startGatewayMock({ port, smtpPort, verbose: process.argv.includes('--verbose') });
  console.log(`gateway mock: ${mock.url}/ (POST ${mock.url}/sink, POST ${mock.url}/gateway/gateway.jsp, SMTP on port ${mock.smtpPort})`);
  const stop = (): void => void mock.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
