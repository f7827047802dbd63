import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { until } from '#libs/event-sourcing/testing/test-clock';
import type { IssuedKeyPair } from '#libs/identity/certificate/authority';
import { patience, type Body, type Reply, type WholeHouse } from './whole-house.js';

/** A frame, of whichever type: what the specs read of it. */
export interface Told { type: string; position: string; at: string; id: string; code: string; detail: string; count: number; events: string[]; [more: string]: unknown }

export interface Opening {
  /** after `/ws` */
  query?: string;
  headers?: Record<string, string>;
  /** on the mutual-TLS listener */
  pair?: Pick<IssuedKeyPair, 'certificate' | 'privateKey'>;
  /** in place of /ws */
  path?: string;
}

const dial = (whole: WholeHouse, { query = '', headers = {}, pair, path = '/ws' }: Opening): WebSocket => {
  const port = pair ? whole.mtlsPort : whole.house.listening.ports[0]!.port;
  const host = `localhost:${port}`;
  return new WebSocket(`${pair ? 'wss' : 'ws'}://127.0.0.1:${port}${path}${query}`, { headers: { host, ...headers }, perMessageDeflate: false, ...(pair ? { ca: whole.house.secrets.ca.certificate, cert: pair.certificate, key: pair.privateKey, servername: 'localhost' } : {}) });
};

/** A program at the other end of a WebSocket: everything it was told, in order. */
export class SocketClient {
  readonly told: Told[] = [];
  closed: { code: number; reason: string } | null = null;
  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => { this.told.push(JSON.parse(data.toString()) as Told); });
    ws.on('close', (code, reason) => { this.closed = { code, reason: reason.toString() }; });
    ws.on('error', () => undefined);
  }

  static open(whole: WholeHouse, opening: Opening): Promise<SocketClient> { return SocketClient.on(dial(whole, opening)); }
  static async on(ws: WebSocket): Promise<SocketClient> {
    const client = new SocketClient(ws);
    await new Promise<void>((resolve, reject) => { ws.once('open', resolve).once('error', reject); });
    return client;
  }

  send(frame: object | string): void { this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame)); }

  /** The first frame from now on for which it holds. */
  async hears(what: string, holds: (frame: Told) => boolean, from = 0): Promise<Told> {
    await until(`a frame ${what} among ${this.told.map((t) => t.type).join(' ').slice(-300)}`, () => this.told.slice(from).some(holds), patience(5_000));
    return this.told.slice(from).find(holds)!;
  }

  /** Sends, and answers what comes back. */
  async asks(frame: object | string, answered: (frame: Told) => boolean = () => true): Promise<Told> {
    const from = this.told.length;
    this.send(frame);
    return this.hears(`after ${JSON.stringify(frame).slice(0, 60)}`, answered, from);
  }

  /** The code that it is closed with, at the latest after so long. */
  async isClosed(boundMs = 5_000): Promise<number> {
    await until('the socket is closed', () => this.closed !== null, boundMs);
    return this.closed!.code;
  }

  close(): void { this.ws.terminate(); }
}

/** What a handshake is refused with. @throws Error when it is not */
export function refusedHandshake(whole: WholeHouse, opening: Opening): Promise<Reply> {
  const ws = dial(whole, opening);
  return new Promise((resolve, reject) => {
    ws.once('open', () => { ws.terminate(); reject(new Error('the socket was opened')); });
    ws.once('unexpected-response', (_request: ClientRequest, answer: IncomingMessage) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part)).once('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        resolve({ status: answer.statusCode!, headers: answer.headers, text, body: (text.startsWith('{') ? JSON.parse(text) : {}) as Body });
      });
    });
    ws.on('error', () => undefined);
  });
}
