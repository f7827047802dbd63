import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer, type ServerOptions as TlsServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ErrorCode } from '#libs/event-sourcing/error-codes';
import { answerOf, Connections } from './connections.js';
import { offerHandshake } from './handshakes.js';
import { problem } from './problem.js';
import { headersFor } from './response-headers.js';
import { wireProblem } from './wire.js';

/** Milliseconds. What a connection may take at most; tests use small ones. */
export const TIMEOUTS = {
  /** all headers; with `checkMs` under 15 s */
  headersMs: 13_000,
  /** the whole request with its body; with `checkMs` under 30 s */
  requestMs: 28_000,
  /** between two requests */
  keepAliveMs: 72_000,
  /** how often the first two are looked at */
  checkMs: 1_000,
  /** for a reader to take 64 kB of an answer; with `sweepMs` under 60 s */
  slowReaderMs: 50_000,
  sweepMs: 5_000,
  /** how long what arrives after the last answer is thrown away */
  lingerMs: 1_000,
};

export interface Port {
  host: string;
  /** 0: any free one */
  port: number;
  /** given: this port speaks TLS */
  tls?: TlsServerOptions;
}

export interface ListenOptions {
  ports: readonly Port[];
  /** for the answers given before any route is known */
  requestIdPrefix: string;
  timeouts?: Partial<typeof TIMEOUTS>;
  /** Which requests with an Upgrade header are handshakes: a route answers them and may take them (handshakes.ts). Of all others the header is ignored. */
  upgrade?: (request: IncomingMessage) => boolean;
  /** told of each request that was refused before any route, and of each TLS handshake that failed */
  refused?: (code: ErrorCode) => void;
  handshakeFailed?: (error: NodeJS.ErrnoException) => void;
  /** monotonic milliseconds */
  now?: () => number;
}

export interface Listening {
  /** in the order of `ports`; `server` so that a TLS port can be given a renewed certificate (`setSecureContext`) */
  ports: { host: string; port: number; tls: boolean; server: Server | TlsServer }[];
  /** Takes no new connection, lets running requests end, then cuts what is still open after `deadlineMs`. Answers how many were cut. */
  close(deadlineMs: number): Promise<{ cut: number }>;
}

/**
 * Serves one Fastify application on several ports. Call after `app.init()`. Rejects, with every port closed again, when one cannot be opened.
 * Close these before `app.close()`.
 */
export async function listen(instance: FastifyInstance, options: ListenOptions): Promise<Listening> {
  await instance.ready();
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const connections = new Connections(timeouts, options.now ?? (() => performance.now()));
  // ids of the answers given here, apart from those that Fastify counts
  let answers = 0;
  const nextId = (): string => `${options.requestIdPrefix}w${(++answers).toString(36)}`;
  const { refused = (): void => {}, handshakeFailed } = options;
  const onRequest = requestListener(instance, nextId, refused);
  const servers: { server: Server | TlsServer; spec: Port }[] = [];
  for (const spec of options.ports) {
    const ours = { ...serverOptions(timeouts), shouldUpgradeCallback: (request: IncomingMessage) => canHandOver(request) && (options.upgrade?.(request) ?? false) };
    const server = spec.tls === undefined ? createServer(ours, onRequest) : createTls({ ...ours, ...spec.tls }, onRequest);
    server.keepAliveTimeout = timeouts.keepAliveMs;
    server.on(spec.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => connections.add(socket));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => answerBroken(error, socket, nextId(), refused));
    if (handshakeFailed) server.on('tlsClientError', (error: NodeJS.ErrnoException) => handshakeFailed(error));
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => onRequest(request, offerHandshake(request, socket, head, () => connections.handOver(socket))));
    servers.push({ server, spec });
  }
  const sweeper = setInterval(() => connections.sweep(), timeouts.sweepMs);
  sweeper.unref();
  const stop = async (deadlineMs: number): Promise<{ cut: number }> => {
    const closed = Promise.all(servers.map(({ server }) => closing(server)));
    connections.retire();
    let cut = 0;
    const deadline = setTimeout(() => {
      cut = connections.size;
      connections.destroy();
      for (const { server } of servers) server.closeAllConnections();
    }, deadlineMs);
    await closed;
    clearTimeout(deadline);
    clearInterval(sweeper);
    return { cut };
  };
  try {
    await Promise.all(servers.map(({ server, spec }) => opening(server, spec)));
  } catch (error) {
    await stop(0);
    throw error;
  }
  return {
    ports: servers.map(({ server, spec }) => {
      const { address, port } = server.address() as AddressInfo;
      return { host: address, port, tls: spec.tls !== undefined, server };
    }),
    close: stop,
  };
}

/** An HTTPS server with our floor under the caller's options: TLS 1.2, and ten seconds for a handshake. */
export function createTls(options: TlsServerOptions, onRequest?: RequestListener): TlsServer {
  return createTlsServer({ minVersion: 'TLSv1.2', handshakeTimeout: 10_000, ...options }, onRequest);
}

const serverOptions = (timeouts: typeof TIMEOUTS): ServerOptions => ({
  headersTimeout: timeouts.headersMs,
  requestTimeout: timeouts.requestMs,
  connectionsCheckingInterval: timeouts.checkMs,
  maxHeaderSize: 16 * 1024,
  insecureHTTPParser: false,
  // wireProblem says it in our words
  requireHostHeader: false,
});

/**
 * Whether the connection is free to speak something else after this request. What comes with a body, in HTTP/1.0, or while an answer to the
 * request before is still under way on the connection, is no handshake, and is read, or refused, as any request.
 */
const canHandOver = ({ headers, httpVersion, socket }: IncomingMessage): boolean =>
  headers['content-length'] === undefined && headers['transfer-encoding'] === undefined && httpVersion === '1.1' && answerOf(socket) === undefined;

/** Wire rules, then Fastify. */
function requestListener(instance: FastifyInstance, nextId: () => string, refused: (code: ErrorCode) => void): RequestListener {
  return (request, response) => {
    // Node throws away what came behind a handshake that is none: the next bytes would be read from the middle of a request
    if (request.headers.upgrade?.toLowerCase().includes('websocket')) response.shouldKeepAlive = false;
    const wrong = wireProblem(request);
    if (wrong === undefined) {
      instance.routing(request, response);
      return;
    }
    refused(wrong.code);
    const { status, headers, body } = problem(wrong.code, { instance: request.url ?? '', requestId: nextId() }, { detail: wrong.detail });
    const text = JSON.stringify(body);
    response.writeHead(status, { ...headersFor(request.socket), ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' }).end(text);
  };
}

const BROKEN: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'header_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
};

/** Bytes that are no request, or not in time: one answer, if none has begun, and the connection ends. */
function answerBroken(error: NodeJS.ErrnoException, socket: Socket, requestId: string, refused: (code: ErrorCode) => void): void {
  // a lost line, or a handshake that failed: there is nobody to answer
  if (!/^(?:HPE_|ERR_HTTP_)/.test(error.code ?? '')) {
    socket.destroy();
    return;
  }
  const code = BROKEN[error.code ?? ''] ?? 'invalid_request';
  refused(code);
  const answer: ServerResponse | undefined = answerOf(socket);
  // a whole request came before the broken bytes: it gets its own answer, and is the last
  if (answer?.req.complete === true) {
    answer.shouldKeepAlive = false;
    answer.once('finish', () => socket.destroySoon());
    return;
  }
  if (!socket.writable || answer?.headersSent === true) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = problem(code, { instance: answer?.req.url ?? '', requestId }, {
    detail: code === 'invalid_request' ? 'The request is not valid HTTP/1.1.' : undefined,
  });
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...headersFor(socket), ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${body.title}\r\n${lines.join('')}\r\n${text}`);
  socket.destroySoon();
}

const opening = (server: Server, { host, port }: Port): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });

const closing = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));
