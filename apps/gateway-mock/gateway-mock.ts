import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Faults, parseFault, type Fault } from './faults.js';
import { playFault, type MockClock } from './fault-player.js';
import { startMailSink, type ReceivedMail } from './mail-sink.js';
import { page } from './page.js';
import { Received, type ReceivedCall, type ReceivedStats } from './received.js';

export interface GatewayMockOptions {
  /** 0: any free port */
  port: number;
  /** takes mail there; 0: any free port. Without it, no mail is taken */
  smtpPort?: number;
  /** 127.0.0.1 unless told */
  host?: string;
  clock?: MockClock;
  /** a line on the console for each call */
  verbose?: boolean;
}

export interface GatewayMock {
  url: string;
  port: number;
  /** where it takes mail; null: nowhere */
  smtpPort: number | null;
  /** the newest 1,000 mails, in the order in which they came */
  mails(): ReceivedMail[];
  /** the newest 10,000 calls, in the order in which they came */
  received(): ReceivedCall[];
  /** how often this Idempotency-Key came */
  callsWith(idempotencyKey: string): number;
  stats(): ReceivedStats;
  setFault(fault: Fault): void;
  clearFaults(): void;
  /** ends the listener and every connection, hanging ones too */
  close(): Promise<void>;
}

const systemClock: MockClock = {
  now: () => new Date(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

const MAX_BODY = 262_144;
/** Characters that are kept of a call that is wrong in form. */
const RAW_SHOWN = 1_000;
const SINK = '/sink';
const JSP = '/gateway/gateway.jsp';

interface Asked {
  sender: string | null;
  recipient: string | null;
  text: string;
}
interface Upstream {
  type: string;
  /** what the body says; of one that is wrong in form, as much as can be read. Throws where nothing can */
  read: (body: string) => Asked;
  /** of what it needs, what is not there */
  missing: (asked: Asked) => string[];
  yes: (n: number) => string;
  no: string;
  noStatus: number;
}
/** A call that is wrong in form, and what it is answered. */
interface Wrong { why: string; status: number; type: string; reply: string; answered: string }
const NOTHING: Asked = { sender: null, recipient: null, text: '' };
type Route = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void;
const textOr = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** The two upstreams: how each reads a call, what it calls wrong, and its yes. */
const UPSTREAMS = new Map<string, Upstream>([
  [SINK, {
    type: 'application/json',
    read: (body) => {
      const asked = JSON.parse(body) as Record<string, unknown> | null;
      return { sender: textOr(asked?.['sender_number']), recipient: textOr(asked?.['to']), text: textOr(asked?.['message_body']) ?? '' };
    },
    missing: ({ text }) => (text === '' ? ['message_body'] : []),
    yes: (n) => `{"id":"sink-${n}","status":"accepted"}`,
    no: '{"error":"a JSON object with message_id, to or sender_number, and message_body is expected"}', noStatus: 400,
  }],
  [JSP, {
    type: 'text/plain; charset=utf-8',
    read: (body) => {
      const form = new URLSearchParams(body);
      return { sender: form.get('sender') || null, recipient: form.get('mrt') || null, text: form.get('msg_utf8') ?? '' };
    },
    missing: ({ recipient, text }) => [...(recipient === null ? ['mrt'] : []), ...(text === '' ? ['msg_utf8'] : [])],
    yes: (n) => `OK sms-${n}\n`,
    no: 'ERR mrt and msg_utf8 are needed\n', noStatus: 200,
  }],
]);

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
const json = (response: ServerResponse, status: number, body: unknown): void => answer(response, status, 'application/json', JSON.stringify(body));

/** A copy: a slice would keep the whole of it in memory. */
const beginning = (text: string): string => Buffer.from(text.slice(0, RAW_SHOWN)).toString();
const plain = (why: string, status: number, reply: string): Wrong => ({ why, status, type: 'text/plain', reply, answered: `status ${status}` });

/** What a call to an upstream asks for, and what is wrong with its form, if anything. */
function readCall({ type, read, missing, no, noStatus }: Upstream, method: string, body: string, whole: boolean): { asked: Asked; wrong: Wrong | null } {
  if (method !== 'POST') return { asked: NOTHING, wrong: plain(`${method}, where POST is taken`, 405, 'method not allowed\n') };
  if (!whole) return { asked: NOTHING, wrong: plain(`the body is over ${MAX_BODY} bytes`, 413, 'too large\n') };
  const refusal = (why: string): Wrong => ({ why, status: noStatus, type, reply: no, answered: noStatus === 200 ? 'ERR' : `status ${noStatus}` });
  let asked: Asked;
  try {
    asked = read(body);
  } catch {
    return { asked: NOTHING, wrong: refusal('the body is not JSON') };
  }
  const lacks = missing(asked);
  return { asked, wrong: lacks.length === 0 ? null : refusal(`without ${lacks.join(' and ')}`) };
}

/** All of a body up to `MAX_BODY` bytes, of a larger one its beginning; `whole` says which. */
function bodyOf(request: IncomingMessage, done: (body: string, whole: boolean) => void): void {
  let first: Buffer | undefined;
  const rest: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (first && size > MAX_BODY) return;
    if (first) rest.push(chunk);
    else first = chunk;
  });
  request.on('end', () => done(rest.length === 0 ? (first?.toString() ?? '') : Buffer.concat([first as Buffer, ...rest]).toString(), size <= MAX_BODY));
}

/**
 * Starts a stand-in for the outside: S1's upstream and S3's `gateway.jsp`, with faults on request, a mail server, and a page that shows what came.
 * For development and tests: it refuses to start with NODE_ENV=production.
 */
export async function startGatewayMock(options: GatewayMockOptions): Promise<GatewayMock> {
  if (process.env['NODE_ENV'] === 'production') throw new Error('the gateway mock does not run with NODE_ENV=production: it takes every message and delivers none');
  const { host = '127.0.0.1', clock = systemClock, verbose = false } = options;
  const received = new Received();
  const faults = new Faults();
  const sink = options.smtpPort === undefined ? null : await startMailSink({ port: options.smtpPort, host, now: () => clock.now() });
  let made = 0;

  /** Keeps a call and shows it. */
  function keep(call: Parameters<Received['add']>[0], reply: string | null): void {
    const { at, path, idempotencyKey, recipient, sender, answered, wrong, duplicate } = received.add(call, reply);
    if (verbose) console.log(`${at} ${path} ${idempotencyKey ?? '-'} ${recipient ?? sender ?? '-'} ${answered}${wrong === null ? '' : `: ${wrong}`}${duplicate ? ' duplicate' : ''}`);
  }

  function upstream(kind: Upstream, path: string, request: IncomingMessage, response: ServerResponse): void {
    bodyOf(request, (body, whole) => {
      const { type, yes } = kind;
      const header = request.headers['idempotency-key'];
      const key = typeof header === 'string' ? header : null;
      const call = { at: clock.now().toISOString(), path, idempotencyKey: key };
      const { asked, wrong } = readCall(kind, request.method ?? '', body, whole);
      if (wrong) {
        keep({ ...call, ...asked, answered: wrong.answered, wrong: wrong.why, raw: beginning(body || (request.url ?? '')) }, null);
        if (wrong.status === 405) response.setHeader('allow', 'POST');
        return answer(response, wrong.status, wrong.type, wrong.reply);
      }
      const message = key?.slice(0, key.lastIndexOf('/')) || key || asked.recipient || asked.sender || '';
      const fault = faults.take(asked.sender, asked.recipient, message);
      const refused = fault?.kind === 'status';
      const reply = refused ? null : (received.answerTo(key) ?? yes(++made));
      keep({ ...call, ...asked, answered: refused ? `status ${fault.status ?? 503}` : (fault?.kind ?? 'ok'), wrong: null, raw: null }, reply);
      if (fault) playFault(fault, reply ?? '', type, response, clock);
      else answer(response, 200, type, reply as string);
    });
  }

  const routes = new Map<string, Record<string, Route>>([
    ['/', { GET: (_request, response) => page(response) }],
    ['/stats', { GET: (_request, response) => json(response, 200, received.stats()) }],
    ['/received', {
      GET: (_request, response, query) => {
        const limit = Math.min(10_000, Math.max(1, Number(query.get('limit') ?? 100) || 100));
        const after = query.get('after');
        const found = received.list(after === null ? undefined : Number(after) || 0, limit);
        json(response, 200, { received: found, next: found.at(-1)?.n ?? (Number(after) || 0) });
      },
      DELETE: (_request, response) => {
        received.clear();
        response.writeHead(204).end();
      },
    }],
    ['/mails', {
      GET: (_request, response) => json(response, 200, { mails: sink?.mails() ?? [] }),
      DELETE: (_request, response) => {
        sink?.clear();
        response.writeHead(204).end();
      },
    }],
    ['/faults', {
      GET: (_request, response) => json(response, 200, { faults: faults.list() }),
      DELETE: (_request, response) => {
        faults.clear();
        response.writeHead(204).end();
      },
      POST: (request, response) => bodyOf(request, (body, whole) => {
        // A page of another origin cannot send this type unasked.
        if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) return json(response, 415, { errors: ['content-type is application/json'] });
        let asked: unknown;
        try {
          asked = JSON.parse(whole ? body : '');
        } catch {
          return json(response, 400, { errors: ['not JSON'] });
        }
        const fault = parseFault(asked);
        if (Array.isArray(fault)) return json(response, 400, { errors: fault });
        faults.set(fault);
        json(response, 201, fault);
      }),
    }],
  ]);
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const kind = UPSTREAMS.get(path);
    // all that comes to an upstream is shown, also by another method
    if (kind) return upstream(kind, path, request, response);
    const methods = routes.get(path);
    if (!methods) return answer(response, 404, 'text/plain', 'not found\n');
    const { method = '' } = request;
    const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (route) return route(request, response, new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)));
    response.setHeader('allow', Object.keys(methods).join(', '));
    answer(response, 405, 'text/plain', 'method not allowed\n');
  });

  try {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen(options.port, host, () => {
        server.off('error', failed);
        listening();
      });
    });
  } catch (error) {
    await sink?.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port,
    smtpPort: sink?.port ?? null,
    mails: () => sink?.mails() ?? [],
    received: () => received.list(),
    callsWith: (key) => received.callsWith(key),
    stats: () => received.stats(),
    setFault: (fault) => faults.set(fault),
    clearFaults: () => faults.clear(),
    async close() {
      await sink?.close();
      await new Promise<void>((closed, failed) => {
        server.close((error) => (error ? failed(error) : closed()));
        server.closeAllConnections();
      });
    },
  };
}
