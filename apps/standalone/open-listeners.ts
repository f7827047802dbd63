import { readFileSync } from 'node:fs';
import { acceptCertificates, mtlsOptions } from '#libs/identity/certificate/mutual-tls';
import type { Secrets } from '#libs/identity/certificate/secrets-folder';
import type { Configuration } from '#libs/platform/configuration/configuration';
import { listen, type Listening } from '#libs/platform/http/listeners';
import type { Log } from '#libs/platform/telemetry/log';
import type { Metrics } from '#libs/platform/telemetry/metrics';
import type { Api } from '../api/api.js';
import { isHandshake } from '../api/sockets/sockets.providers.js';

/** Why a handshake fails, for a label; the rest is `other`. */
const HANDSHAKE_REASONS: Record<string, string> = {
  ERR_SSL_HTTP_REQUEST: 'plain HTTP', ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS', ERR_SSL_UNSUPPORTED_PROTOCOL: 'old TLS', ERR_SSL_NO_SHARED_CIPHER: 'no shared cipher', ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout', ECONNRESET: 'reset',
};

/** Every port of a process: plain ones, and where it takes client certificates the mutual-TLS one. */
export async function openListeners(c: Configuration, mutualToo: boolean, secrets: Secrets, api: Api, metrics: Metrics, log: Log): Promise<Listening> {
  const tls = c.tlsCert && c.tlsKey ? { cert: readFileSync(c.tlsCert), key: readFileSync(c.tlsKey) } : undefined;
  const plain = c.listenPorts.map((port) => ({ host: c.listenHost, port, ...(tls ? { tls } : {}) }));
  const mutual = c.mtlsPort === null ? [] : [{ host: c.listenHost, port: c.mtlsPort, tls: mtlsOptions(secrets) }];
  const withMutual = c.mtlsPort === 0 || !mutualToo ? plain : [...plain, ...mutual];
  const listening = await listen(api.app.getHttpAdapter().getInstance(), { ports: withMutual, requestIdPrefix: 'req_early_', ...(api.sockets ? { upgrade: isHandshake } : {}),
    refused: (code) => { metrics.unreadable.inc({ code }); log.debug({ reason: code }, 'a request could not be read'); },
    handshakeFailed: (error) => {
      const reason = HANDSHAKE_REASONS[error.code ?? ''] ?? 'other';
      metrics.handshakes.inc({ reason });
      log.info({ reason }, 'a TLS handshake failed');
    },
  });
  const last = listening.ports.at(-1);
  if (withMutual.length > plain.length && last) acceptCertificates(last.server as Parameters<typeof acceptCertificates>[0], secrets.ca.certificate);
  return listening;
}
