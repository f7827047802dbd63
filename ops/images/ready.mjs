// The image's health check: 0 when the server says that it is ready. Asks the first HTTP port, over loopback.
import { get as plain } from 'node:http';
import { get as secure } from 'node:https';

const port = Number((process.env.LISTEN_PORTS || '8000').split(',')[0]);
const tls = Boolean(process.env.TLS_CERT);
const host = (process.env.PUBLIC_HOSTS || 'localhost').split(',')[0].trim();
// the certificate names public hosts, and this asks loopback
const options = { host: '127.0.0.1', port, path: '/ready', timeout: 4_000, headers: { host }, rejectUnauthorized: false };
const request = (tls ? secure : plain)(options, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1));
request.on('timeout', () => process.exit(1)).on('error', () => process.exit(1));
