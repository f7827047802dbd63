/** A gateway that notes when each call came and when it was answered, and takes its time as it is told. Both of the house's protocols. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Times are those of Date.now(). */
export interface Call { key: string; at: number; answeredAt: number | null }

export interface NotingGateway {
  url: string;
  calls: Call[];
  /** how long the next call takes (ms); Infinity: it is never answered */
  takes: () => number;
  onCall: ((call: Call) => void) | null;
  onAnswered: ((call: Call) => void) | null;
  close(): Promise<void>;
}

export async function notingGateway(): Promise<NotingGateway> {
  const answer = (path: string, response: ServerResponse, call: Call): void => {
    if (response.destroyed) return;
    const sms = path.startsWith('/gateway');
    response.writeHead(200, { 'content-type': sms ? 'text/plain' : 'application/json' });
    response.end(sms ? `OK ${gateway.calls.length}\n` : `{"id":"${gateway.calls.length}"}`, () => { call.answeredAt = Date.now(); gateway.onAnswered?.(call); });
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume().once('end', () => {
      const call: Call = { key: String(request.headers['idempotency-key']), at: Date.now(), answeredAt: null };
      gateway.calls.push(call);
      gateway.onCall?.(call);
      const ms = gateway.takes();
      if (ms <= 0) answer(request.url!, response, call);
      else if (ms < Infinity) setTimeout(() => answer(request.url!, response, call), ms);
    });
  });
  const gateway: NotingGateway = {
    url: '', calls: [], takes: () => 0, onCall: null, onAnswered: null,
    close: () => new Promise((done) => { server.close(() => done()); server.closeAllConnections(); }),
  };
  await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', listening); });
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return gateway;
}

/** The gateways file of a house that calls this one for everything: tried for a second, again after 100 ms, never closed off; for so long that no campaign of kills outlasts it. */
export const gatewaysAt = (url: string, over: object = {}): object[] => {
  const common = { deadlineMs: 1_000, retry: { kind: 'constant', everyMs: 100, attempts: 1_000, spanMs: 86_400_000 }, circuit: { failures: 10_000, windowCalls: 100_000 }, ...over };
  return [{ name: 'sms', url: `${url}/gateway/gateway.jsp`, ...common }, { name: 'http', url: `${url}/sink`, ...common }];
};
