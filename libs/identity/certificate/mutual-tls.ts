import { constants, X509Certificate } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { sha256, type KeyPair } from './authority.js';

/**
 * Options of the mutual-TLS listener; also for `server.setSecureContext` after the files were replaced.
 * It lets every client finish the handshake, so that who is refused can be told why in an answer (see authenticate.ts);
 * nothing but `authenticate` may be asked whether a client is who it says.
 */
export const mtlsOptions = ({ server, ca }: { server: KeyPair; ca: { certificate: string } }): ServerOptions => ({
  cert: server.certificate, key: server.privateKey, ca: ca.certificate,
  requestCert: true, rejectUnauthorized: false,
  minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3',
  // 1.3's own three, and of 1.2 only authenticated encryption with forward secrecy.
  ciphers: ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-RSA-AES128-GCM-SHA256'].join(':'),
  honorCipherOrder: true,
  // No tickets, and so no resumption: every connection shows its certificate anew. No renegotiation: the certificate stays the one that was shown.
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  handshakeTimeout: 10_000,
});

/** What is wrong with a certificate, whoever its owner is and whatever the hour. */
export type CertificateFault = 'none' | 'other-authority' | 'self-signed' | 'not-a-client' | 'signed-by-a-client' | 'expired' | 'not-yet-valid' | 'not-accepted';

/** The client's certificate on one connection. */
export type Peer =
  | { fault: CertificateFault; certificate: null }
  | { fault: CertificateFault | null; certificate: { serial: string; fingerprint256: string; notBefore: number; notAfter: number } };

const connections = new WeakMap<Socket, { authority: X509Certificate; peer?: Peer }>();

/** Call once for the mutual-TLS listener: from then on `peerOf` knows its connections, and no others. */
export function acceptCertificates(server: Server, authority: string): void {
  const parsed = new X509Certificate(authority);
  server.on('secureConnection', (socket) => { connections.set(socket, { authority: parsed }); });
}

/** The client's certificate, looked at once for each connection; null where the connection is not the mutual-TLS listener's. */
export function peerOf(socket: Socket): Peer | null {
  const connection = connections.get(socket);
  if (!connection) return null;
  return connection.peer ??= peerFrom(socket as TLSSocket, connection.authority);
}

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** What the handshake itself found; whatever is not named here is `not-accepted`. */
const HANDSHAKE_FAULTS: Record<string, CertificateFault> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
  INVALID_PURPOSE: 'not-a-client',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed',
  INVALID_CA: 'signed-by-a-client',
  UNABLE_TO_GET_ISSUER_CERT: 'other-authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'other-authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'other-authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'other-authority',
  CERT_SIGNATURE_FAILURE: 'other-authority',
};

function peerFrom(socket: TLSSocket, authority: X509Certificate): Peer {
  const shown = socket.getPeerX509Certificate();
  if (!shown) return { fault: 'none', certificate: null };
  return {
    // Our own look comes first, because it can tell more; the handshake's no is a no in any case.
    fault: faultOf(shown, authority) ?? handshakeFault(socket),
    certificate: {
      serial: shown.serialNumber.toLowerCase(), fingerprint256: sha256(shown.raw),
      notBefore: shown.validFromDate.getTime(), notAfter: shown.validToDate.getTime(),
    },
  };
}

function faultOf(shown: X509Certificate, authority: X509Certificate): CertificateFault | null {
  // By signature alone: a certificate that may not sign others is never "the issuer" in the eyes of `checkIssued`.
  if (shown.verify(shown.publicKey)) return 'self-signed';
  if (!isIssuedBy(shown, authority)) return isSignedByClient(shown, authority) ? 'signed-by-a-client' : 'other-authority';
  return !shown.ca && shown.keyUsage?.includes(CLIENT_AUTH) ? null : 'not-a-client';
}

/** `authorizationError` is a code, though it is declared an Error. */
function handshakeFault(socket: TLSSocket): CertificateFault | null {
  const code = socket.authorizationError as unknown as string | null;
  if (!code) return socket.authorized ? null : 'not-accepted';
  return HANDSHAKE_FAULTS[code] ?? 'not-accepted';
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** Known only where the client sent the certificate above its own along. */
function isSignedByClient(shown: X509Certificate, authority: X509Certificate): boolean {
  const above = shown.issuerCertificate;
  return above !== undefined && isIssuedBy(above, authority) && shown.verify(above.publicKey);
}
