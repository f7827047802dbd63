/** A client over kept-alive connections: what it was answered, or that it was not. */
import { Agent as HttpAgent, request as http } from 'node:http';
import { Agent as HttpsAgent, request as https } from 'node:https';

export interface Reply { status: number; headers: Record<string, string | string[] | undefined>; body: Record<string, unknown>; text: string; ms: number }

export interface Sender {
  /** @throws Error when there was no complete answer: nobody knows what became of the request */
  ask(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Reply>;
  /** Ends the connections, and what waits on them. */
  close(): void;
}

const PATIENCE_MS = 30_000;

export function sender({ port, authorization, tls, sockets }: { port: number; authorization?: string; tls?: { ca: Buffer; cert: Buffer; key: Buffer }; sockets: number }): Sender {
  const agent = tls ? new HttpsAgent({ keepAlive: true, maxSockets: sockets, ...tls, servername: 'localhost' }) : new HttpAgent({ keepAlive: true, maxSockets: sockets });
  return {
    close: () => agent.destroy(),
    ask: (method, path, body, headers = {}) => new Promise((resolve, reject) => {
      const content = body === undefined ? undefined : JSON.stringify(body);
      const began = performance.now();
      const asked = (tls ? https : http)({
        host: '127.0.0.1', port, method, path, agent, timeout: PATIENCE_MS,
        headers: {
          host: `localhost:${port}`, ...(authorization ? { authorization } : {}),
          ...(content === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(content)) }), ...headers,
        },
      } as object, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part)).once('error', reject).once('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          if (!answer.complete) return reject(new Error('the answer was cut'));
          resolve({ status: answer.statusCode!, headers: answer.headers, text, body: text.startsWith('{') ? JSON.parse(text) as Record<string, unknown> : {}, ms: performance.now() - began });
        });
      });
      asked.once('timeout', () => asked.destroy(new Error('no answer')));
      asked.once('error', reject).end(content);
    }),
  };
}

/** One request that a client means to have carried out: the same key at every try. */
export interface Wish { key: string; shape: 'native' | 's1'; to: string; body: string; /** as it was answered */ id: string | null; sendAt?: string }

let numbers = 0;
/** A new one, to (or from) a number nobody had yet. */
export const wish = (shape: Wish['shape'], more: Partial<Wish> = {}): Wish => {
  const n = ++numbers;
  return { key: `wish-${process.pid}-${n}`, shape, to: `+1555${String(n).padStart(7, '0')}`, body: `text ${n}`, id: null, ...more };
};

/** Asks for it; where it is acknowledged, notes its id. @throws Error when another id came than before, or no answer */
export async function askFor(who: Sender, w: Wish): Promise<Reply> {
  const body = w.shape === 's1' ? { sender_number: w.to, message_body: w.body } : { to: w.to, body: w.body, ...(w.sendAt ? { send_at: w.sendAt } : {}) };
  const reply = await who.ask('POST', '/api/v1/messages', body, { 'idempotency-key': w.key });
  const good = w.shape === 's1' ? 200 : 202;
  if (reply.status !== good) return reply;
  const id = (w.shape === 's1' ? reply.body['message_id'] : reply.body['id']) as string;
  if (w.id !== null && w.id !== id) throw new Error(`the key ${w.key} was answered ${w.id}, and now ${id}`);
  w.id = id;
  return reply;
}
