import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { Refusal } from '#libs/event-sourcing/errors';
import { peerOf, type CertificateFault, type Peer } from './certificate/mutual-tls.js';
import { apiKeyId, isApiKey, type Mac } from './credential/api-key.js';
import { apiTokenId, isApiToken } from './credential/api-token.js';
import type { CredentialState } from './credential/credential.decider.js';
import { isAccount } from './credential/owner.js';
import { ROLES, type Principal, type Role } from './principal.js';
import type { ReadCookie } from './session/cookie.js';
import type { AccessClaims } from './session/tokens.js';

/** What a request shows of who it is: every value of each header, in order, from the raw headers (Node itself would drop all but the first). */
export interface Shown {
  authorization: readonly string[];
  /** of `X-API-Key` */
  apiKeys: readonly string[];
  /** of the session's cookie. A browser or a client with a cookie jar sends it unasked, so it counts only where nothing else is shown */
  cookies: readonly string[];
  socket: Socket;
}

/** What counts of an account: its state, as users fold it. */
export interface Account {
  status: 'active' | 'disabled' | 'deleted';
  role: Role;
  /** how often all its sessions, all its API tokens, were ended */
  sessionEpoch: number;
  tokenEpoch: number;
  /** somebody else knows the password */
  mustChange: boolean;
}
/** What counts of a sign-in. */
export interface Session { owner: string; epoch: number; expiresAt: string; ended: unknown }

type Find<State> = (id: string) => Promise<State | null>;
/** What is known of those who may come. Asked at every request: a revocation counts on open connections. */
export interface Known {
  credential: Find<CredentialState>;
  account: Find<Account>;
  session: Find<Session>;
  /** who a signed access token names; null unless signature, times and form are right */
  accessToken(text: string): Promise<AccessClaims | null>;
  /** what a signed cookie says; null unless signature, form and times are right */
  cookie(text: string): ReadCookie | null;
  mac: Mac;
  /** milliseconds, never set back */
  monotonic(): number;
}

export interface Authenticated {
  principal: Principal;
  /** null: an owner without an account */
  account: Account | null;
  /** what the good cookie says that was shown; null for other credentials */
  cookie: ReadCookie | null;
  /** the last second of the client certificate that was shown; null for other credentials. Milliseconds since 1970 */
  certificateEnds: number | null;
}

/** Why a client certificate is refused: the machine-readable `reason` of the answer, and its sentence. */
export const CERTIFICATE_REFUSALS: Record<CertificateFault | 'revoked' | 'unknown' | 'owner-gone', string> = {
  none: 'No client certificate was sent. Use the certificate and key that your administrator gave you.',
  'other-authority': 'The client certificate was issued by another authority, not by this server\'s own.',
  'self-signed': 'The client certificate is self-signed. Use one that was issued by this server\'s own authority.',
  expired: 'The client certificate has expired. Ask an administrator for a new one.',
  'not-yet-valid': 'The client certificate is not yet valid. Check the clock of whoever issued it.',
  'not-a-client': 'The certificate is not a client certificate: it may not be used to sign in.',
  'signed-by-a-client': 'The client certificate was signed by a client certificate, which is no authority.',
  revoked: 'Certificate revoked. Ask an administrator for a new one.',
  unknown: 'The client certificate is unknown to this server, though its own authority issued it. Ask an administrator for a new one.',
  'owner-gone': 'The account that the client certificate belongs to is disabled or deleted. Ask an administrator.',
  'not-accepted': 'The client certificate is not accepted: it could not be verified.',
};

/**
 * The one place where what a request shows becomes who it acts as.
 * On the mutual-TLS listener only the certificate counts, on every other only the headers; nothing is ever read out of a
 * certificate's subject, and no header speaks for a certificate.
 * @param now milliseconds since 1970, UTC
 * @throws Refusal unauthenticated · invalid_token · invalid_api_key · session_ended · invalid_certificate (`extra.reason` says which; close the connection after the answer) · two_credentials
 */
export async function authenticate(shown: Shown, known: Known, now: number): Promise<Authenticated> {
  const peer = peerOf(shown.socket);
  const headers = shown.authorization.length + shown.apiKeys.length;
  if (headers + (peer?.certificate ? 1 : 0) > 1) throw new Refusal('two_credentials');
  if (peer) return byCertificate(peer, known, now);
  if (shown.authorization.length > 0) return byBearer(shown.authorization[0]!, known, now);
  if (shown.apiKeys.length > 0) return byApiKey(shown.apiKeys[0]!, known, now);
  if (shown.cookies.length > 1) throw new Refusal('two_credentials');
  if (shown.cookies.length > 0) return byCookie(shown.cookies[0]!, known, now);
  throw new Refusal('unauthenticated');
}

// One answer for malformed, unknown, wrong, revoked and ended, whoever's it was: it helps nobody to guess.
const BEARER = /^Bearer +(\S+)$/i;

async function byBearer(authorization: string, known: Known, now: number): Promise<Authenticated> {
  const text = BEARER.exec(authorization)?.[1];
  if (text === undefined) throw new Refusal('invalid_token');
  const id = apiTokenId(text);
  return id === null ? byAccessToken(text, known, now) : byApiToken(text, id, known, now);
}

async function byApiToken(text: string, id: string, known: Known, now: number): Promise<Authenticated> {
  const state = await known.credential(id);
  if (state?.kind !== 'api-token' || !isApiToken(text, state.sha256) || hasEnded(state, known, now)) throw new Refusal('invalid_token');
  const account = await ownerOf(state, known);
  if (account === 'gone' || (account && account.tokenEpoch !== state.epoch)) throw new Refusal('invalid_token');
  if (state.session !== null && !await stands(state.session, account, known)) throw new Refusal('invalid_token');
  return { principal: { owner: state.owner, role: lower(state.role, account), scopes: null, credential: { kind: 'api-token', id } }, account, cookie: null, certificateEnds: null };
}

/** Whether nobody has ended the sign-in that handed a token out. That its own time is over is no end: the token has one of its own. */
export async function stands(id: string, account: Account | null, known: Pick<Known, 'session'>): Promise<boolean> {
  const session = await known.session(id);
  return session !== null && !session.ended && session.epoch === account?.sessionEpoch;
}

async function byAccessToken(text: string, known: Known, now: number): Promise<Authenticated> {
  const named = await known.accessToken(text);
  const account = named && await signedIn(named.session, known, now, named.user);
  if (!account) throw new Refusal('invalid_token');
  return { principal: { owner: named.user, role: account.role, scopes: null, credential: { kind: 'access-token', id: named.session } }, account, cookie: null, certificateEnds: null };
}

async function byCookie(text: string, known: Known, now: number): Promise<Authenticated> {
  const named = known.cookie(text);
  const session = named && await known.session(named.session);
  const account = session && await signedIn(named.session, known, now, session.owner);
  if (!account) throw new Refusal('session_ended');
  return { principal: { owner: session.owner, role: account.role, scopes: null, credential: { kind: 'session', id: named.session } }, account, cookie: named, certificateEnds: null };
}

/** The account whose session this is, while both count. */
async function signedIn(id: string, known: Known, now: number, user: string): Promise<Account | null> {
  const session = await known.session(id);
  if (!session || session.ended || session.owner !== user || isOver(session, session.expiresAt, known, now)) return null;
  const account = await known.account(user);
  return account?.status === 'active' && account.sessionEpoch === session.epoch ? account : null;
}

async function byApiKey(text: string, known: Known, now: number): Promise<Authenticated> {
  const key = await goodApiKey(text, known, now);
  if (!key) throw new Refusal('invalid_api_key');
  const { id, state, account } = key;
  return { principal: { owner: state.owner, role: account.role, scopes: state.scopes, credential: { kind: 'api-key', id } }, account, cookie: null, certificateEnds: null };
}

export type ApiKeyState = Extract<CredentialState, { kind: 'api-key' }>;

/** The API key with this text and the account that it never reaches further than; null unless both count. @param now milliseconds since 1970, UTC */
export async function goodApiKey(text: string, known: Known, now: number): Promise<{ id: string; state: ApiKeyState; account: Account } | null> {
  const id = apiKeyId(text);
  const state = id === null ? null : await known.credential(id);
  if (id === null || state?.kind !== 'api-key' || !isApiKey(text, state.mac, known.mac) || hasEnded(state, known, now)) return null;
  // a key is made by an account alone
  const account = await known.account(state.owner);
  return account?.status === 'active' ? { id, state, account } : null;
}

async function byCertificate(peer: Peer, known: Known, now: number): Promise<Authenticated> {
  const refuse = (reason: keyof typeof CERTIFICATE_REFUSALS): never => { throw new Refusal('invalid_certificate', CERTIFICATE_REFUSALS[reason], undefined, { reason }); };
  if (!peer.certificate) return refuse(peer.fault);
  if (peer.fault) return refuse(peer.fault);
  const { serial, fingerprint256, notBefore, notAfter } = peer.certificate;
  if (now < notBefore) return refuse('not-yet-valid');
  // The last second named in a certificate still belongs to it.
  if (now >= notAfter + 1000) return refuse('expired');
  const state = await known.credential(serial);
  if (state?.kind !== 'client-certificate' || !timingSafeEqual(Buffer.from(fingerprint256, 'hex'), Buffer.from(state.sha256, 'hex'))) return refuse('unknown');
  if (state.revoked) return refuse('revoked');
  const account = await ownerOf(state, known);
  if (account === 'gone') return refuse('owner-gone');
  return { principal: { owner: state.owner, role: lower(state.role, account), scopes: null, credential: { kind: 'client-certificate', id: serial } }, account, cookie: null, certificateEnds: notAfter };
}

/** The account that a credential belongs to; null where its owner never had one, `gone` where he has it no more. */
async function ownerOf({ owner }: CredentialState, known: Known): Promise<Account | null | 'gone'> {
  if (!isAccount(owner)) return null;
  const account = await known.account(owner);
  return account?.status === 'active' ? account : 'gone';
}

/** A credential gives at most its own role, and never more than its owner has. */
const lower = (role: Role, account: Account | null): Role => (account && ROLES.indexOf(account.role) < ROLES.indexOf(role) ? account.role : role);

const hasEnded = (state: CredentialState, known: Known, now: number): boolean => state.revoked !== null || (state.expiresAt !== null && isOver(state, state.expiresAt, known, now));

/** By the wall clock, and by the one that is never set back: the moment it comes to was reckoned when the credential was first seen. */
interface End { wall: number; monotonic: number }
const ends = new WeakMap<object, End>();

/** Whether what ends at a moment (UTC, ISO 8601) is over; a clock that is set back opens it no longer. */
function isOver(state: object, expiresAt: string, known: Known, now: number): boolean {
  const monotonic = known.monotonic();
  let end = ends.get(state);
  if (end === undefined) {
    const wall = Date.parse(expiresAt);
    ends.set(state, (end = { wall, monotonic: monotonic + (wall - now) }));
  }
  return now >= end.wall || monotonic >= end.monotonic;
}
