import { randomBytes } from 'node:crypto';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { ERRORS } from '#libs/event-sourcing/error-codes';
import { Refusal } from '#libs/event-sourcing/errors';
import { authenticate } from '../authenticate.js';
import { createAuthority, type Authority, type IssuedKeyPair, type KeyPair } from '../certificate/authority.js';
import { acceptCertificates, mtlsOptions } from '../certificate/mutual-tls.js';
import { IssueCertificate, RevokeCredential } from '../credential/credential.decider.js';
import { liveStates } from '../live-states.js';
import type { Principal } from '../principal.js';
import { CredentialRegistry } from './credential-registry.js';
import { knownTo } from './known.js';

export interface Answer { status: number; principal?: Principal; code?: string; detail?: string; reason?: unknown; socket: Socket }

/** A server on the mutual-TLS options with the real `authenticate` before its handler, an authority, and a registry. */
export interface MtlsParty {
  authority: Authority;
  server: Server;
  port: number;
  registry: CredentialRegistry;
  /** how often the handler behind the guard ran */
  handled: Principal[];
  /** a client certificate that is in the registry */
  client(owner?: string): Promise<IssuedKeyPair>;
  revoke(serial: string): void;
  close(): Promise<void>;
}

export interface PartyOptions { now?: () => Date; change?: object; authority?: Authority; registry?: CredentialRegistry }

export async function mtlsParty({ now = () => new Date(), change = {}, authority: given, registry = new CredentialRegistry(now) }: PartyOptions = {}): Promise<MtlsParty> {
  const authority = given ?? await createAuthority({ now, random: randomBytes });
  const credentials = liveStates({ category: 'credential', load: registry.load });
  registry.follow(credentials.onEvent);
  const handled: Principal[] = [];
  const server = createServer({ ...mtlsOptions({ server: await authority.issueServer([]), ca: authority }), ...change });
  acceptCertificates(server, authority.certificate);
  // `closeAllConnections` passes over those that have not sent a request yet.
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => { open.add(socket); socket.once('close', () => open.delete(socket)); });
  server.on('request', (asked, answer) => {
    const authorization = asked.headersDistinct['authorization'] ?? [];
    authenticate({ authorization, apiKeys: [], cookies: [], socket: asked.socket }, knownTo(credentials.find), now().getTime()).then(({ principal }) => {
      handled.push(principal);
      answer.writeHead(200).end(JSON.stringify({ principal }));
    }, (error: unknown) => {
      const { code, message: detail, extra } = error as Refusal;
      answer.writeHead(error instanceof Refusal ? ERRORS[error.code][0] : 500, { connection: 'close' }).end(JSON.stringify({ code, detail, ...extra }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    authority, server, registry, handled, port: (server.address() as AddressInfo).port,
    async client(owner = 'owner-a') {
      const issued = await authority.issueClient({ owner, days: 30 });
      registry.execute(new IssueCertificate(issued.serial, { owner, role: 'user', fingerprint256: issued.fingerprint256, expiresAt: issued.notAfter }, registry.context));
      return issued;
    },
    revoke: (serial) => registry.execute(new RevokeCredential(serial, { reason: 'requested' }, registry.context)),
    close: () => new Promise((resolve) => { server.close(() => resolve()); for (const socket of open) socket.destroy(); }),
  };
}

/** One TLS connection; resolves once the handshake is through. */
export const connection = (to: { port: number; authority: KeyPair }, pair: Partial<KeyPair>, options: ConnectionOptions = {}): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port: to.port, host: '127.0.0.1', servername: 'localhost', ca: to.authority.certificate, cert: pair.certificate, key: pair.privateKey, ...options });
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });

/** One request over an open connection, which stays open if the server leaves it open. */
export const ask = (socket: TLSSocket, headers: Record<string, string | string[]> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request({ createConnection: () => socket, host: 'localhost', path: '/', headers: { connection: 'keep-alive', ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode!, ...JSON.parse(text) as object, socket }));
    });
    asked.once('error', reject).end();
  });

/** One request over a connection of its own. */
export async function askOnce(to: { port: number; authority: KeyPair }, pair: Partial<KeyPair>, options: ConnectionOptions = {}, headers: Record<string, string> = {}): Promise<Answer> {
  const socket = await connection(to, pair, options);
  try { return await ask(socket, headers); } finally { socket.destroy(); }
}
