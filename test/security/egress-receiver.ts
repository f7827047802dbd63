import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Receiver {
  port: number;
  /** connections taken */
  connections: number;
  /** requests whose head and body had come in full */
  requests: string[];
  close(): Promise<void>;
}

/** Serves raw bytes: `answer` is told of each complete request on a socket and writes what it likes. */
export async function receiver(answer: (socket: Socket, request: string, n: number) => void): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    made.connections++;
    sockets.add(socket);
    let read = '';
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      read += bytes.toString('latin1');
      for (;;) {
        const head = read.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(read)?.[1] ?? 0);
        if (head < 0 || read.length < head + 4 + length) return;
        const request = read.slice(0, head + 4 + length);
        read = read.slice(request.length);
        answer(socket, request, made.requests.push(request));
      }
    });
  });
  const made: Receiver = {
    port: 0, connections: 0, requests: [],
    close: () => new Promise((closed) => {
      server.close(() => closed());
      for (const socket of sockets) socket.destroy();
    }),
  };
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  made.port = (server.address() as AddressInfo).port;
  return made;
}

/** An answer with a length. */
export const plain = (status: number, body: string, headers: Record<string, string> = {}): string =>
  [`HTTP/1.1 ${status} X`, ...Object.entries({ 'content-length': String(Buffer.byteLength(body)), ...headers }).map(([name, value]) => `${name}: ${value}`), '', body].join('\r\n');
