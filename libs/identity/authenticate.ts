import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { Refusal } from '#libs/event-sourcing/errors';
import { peerOf, type CertificateFault, type Peer } from './certificate/mutual-tls.js';
import { apiTokenId, isApiToken } from './credential/api-token.js';
import type { CredentialState } from './credential/credential.decider.js';
import type { Principal } from './principal.js';

/** What a request shows of who it is. */
export interface Shown {
  /** every value of the `Authorization` header, in order, from the raw headers (Node itself would drop all but the first) */
  authorization: readonly string[];
  /** names of other headers that carry a credential and are there (`x-api-key`, a session's cookie, …), once for each time */
  otherCredentialHeaders: readonly string[];
  socket: Socket;
}

/** The state of the credential with this id; null for an unknown one. Asked at every request: a revocation counts on open connections. */
export type FindCredential = (id: string) => Promise<CredentialState | null>;

/** Why a client certificate is refused: the machine-readable `reason` of the answer, and its sentence. */
export const CERTIFICATE_REFUSALS: Record<CertificateFault | 'revoked' | 'unknown', string> = {
  none: 'No client certificate was sent. Use the certificate and key that your administrator gave you.',
  'other-authority': 'The client certificate was issued by another authority, not by this server\'s own.',
  'self-signed': 'The client certificate is self-signed. Use one that was issued by this server\'s own authority.',
  expired: 'The client certificate has expired. Ask an administrator for a new one.',
  'not-yet-valid': 'The client certificate is not yet valid. Check the clock of whoever issued it.',
  'not-a-client': 'The certificate is not a client certificate: it may not be used to sign in.',
  'signed-by-a-client': 'The client certificate was signed by a client certificate, which is no authority.',
  revoked: 'Certificate revoked. Ask an administrator for a new one.',
  unknown: 'The client certificate is unknown to this server, though its own authority issued it. Ask an administrator for a new one.',
  'not-accepted': 'The client certificate is not accepted: it could not be verified.',
};

/**
 * The one place where what a request shows becomes who it acts as.
 * On the mutual-TLS listener only the certificate counts, on every other only the headers; nothing is ever read out of a
 * certificate's subject, and no header speaks for a certificate.
 * @param now milliseconds since 1970, UTC
 * @throws Refusal unauthenticated · invalid_token · invalid_certificate (`extra.reason` says which; close the connection after the answer) · two_credentials
 */
export async function authenticate(shown: Shown, find: FindCredential, now: number): Promise<Principal> {
  const peer = peerOf(shown.socket);
  const headers = shown.authorization.length + shown.otherCredentialHeaders.length;
  if (headers + (peer?.certificate ? 1 : 0) > 1) throw new Refusal('two_credentials');
  if (peer) return byCertificate(peer, find, now);
  if (headers === 0) throw new Refusal('unauthenticated');
  return byToken(shown.authorization[0], find, now);
}

async function byToken(authorization: string | undefined, find: FindCredential, now: number): Promise<Principal> {
  const text = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const id = text === undefined ? null : apiTokenId(text);
  const state = id === null ? null : await find(id);
  // One answer for malformed, unknown, wrong, revoked and ended: it helps nobody to guess.
  if (text === undefined || id === null || state?.kind !== 'api-token' || !isApiToken(text, state.sha256) || state.revoked || hasEnded(state, now)) throw new Refusal('invalid_token');
  return { owner: state.owner, role: state.role, scopes: null, credential: { kind: 'api-token', id } };
}

async function byCertificate(peer: Peer, find: FindCredential, now: number): Promise<Principal> {
  const refuse = (reason: keyof typeof CERTIFICATE_REFUSALS): never => { throw new Refusal('invalid_certificate', CERTIFICATE_REFUSALS[reason], undefined, { reason }); };
  if (!peer.certificate) return refuse(peer.fault);
  if (peer.fault) return refuse(peer.fault);
  const { serial, fingerprint256, notBefore, notAfter } = peer.certificate;
  if (now < notBefore) return refuse('not-yet-valid');
  // The last second named in a certificate still belongs to it.
  if (now >= notAfter + 1000) return refuse('expired');
  const state = await find(serial);
  if (state?.kind !== 'client-certificate' || !timingSafeEqual(Buffer.from(fingerprint256, 'hex'), Buffer.from(state.sha256, 'hex'))) return refuse('unknown');
  if (state.revoked) return refuse('revoked');
  return { owner: state.owner, role: state.role, scopes: null, credential: { kind: 'client-certificate', id: serial } };
}

const hasEnded = (state: CredentialState, now: number): boolean => state.expiresAt !== null && now >= Date.parse(state.expiresAt);
