import { createServer, type IncomingMessage, type Server } from 'node:http';
import { isEndpoint, parseFault } from './faults.js';
import type { Node } from './node.js';

export interface Control { url: string; close(): Promise<void> }

/** What the control port lets a test do to the server, besides faults. */
export interface Levers extends Node {
  /** null: itself again */
  setLeader(leader: { host: string; port: number } | null): void;
  /** blocks the whole process */
  freeze(ms: number): void;
}

type Route = (levers: Levers, body: unknown) => unknown;

const ROUTES: Record<string, Route> = {
  'POST /faults': ({ faults }, body) => { faults.add(parseFault(body)); return { inForce: faults.inForce }; },
  'GET /faults': ({ faults }) => ({ inForce: faults.inForce, met: faults.met }),
  'DELETE /faults': ({ faults }) => { faults.clear(); return {}; },
  'POST /drop-subscriptions': ({ followers }) => {
    const dropped = followers.size;
    for (const end of followers) end();
    return { dropped };
  },
  'POST /cut': ({ connections }) => {
    const cut = connections.count;
    connections.cutAll();
    return { cut };
  },
  'POST /freeze': (levers, body) => {
    const { ms } = (body ?? {}) as { ms?: unknown };
    if (!Number.isSafeInteger(ms) || (ms as number) < 1) throw new Error('ms: how long');
    setImmediate(() => levers.freeze(ms as number));
    return {};
  },
  'PUT /leader': (levers, body) => {
    if (!isEndpoint(body)) throw new Error('the leader has a host and a port');
    levers.setLeader(body);
    return {};
  },
  'DELETE /leader': (levers) => { levers.setLeader(null); return {}; },
  'GET /': ({ log, reads, followers, connections }) => ({ entries: log.durable, reads: reads.size - followers.size, subscriptions: followers.size, connections: connections.count }),
};

/** The control port: JSON over HTTP, on loopback only. */
export async function startControl(port: number, levers: Levers): Promise<Control> {
  const server: Server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const route = ROUTES[`${request.method} ${request.url}`];
      const [status, answer] = !route ? [404, { error: `there is ${Object.keys(ROUTES).join(', ')}` }] : attempt(() => route(levers, body));
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(`${JSON.stringify(answer)}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(port, '127.0.0.1', resolve); });
  const address = server.address();
  const at = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://127.0.0.1:${at}`,
    close: () => new Promise((resolve) => { server.close(() => resolve()); server.closeAllConnections(); }),
  };
}

function attempt(act: () => unknown): [number, unknown] {
  try { return [200, act()]; }
  catch (error) { return [400, { error: (error as Error).message }]; }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  try { return text === '' ? null : JSON.parse(text); }
  catch { return null; }
}
