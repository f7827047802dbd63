import { type Server as Grpc, type ServerCredentials } from '@grpc/grpc-js';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** The listener, and the connections by the peer's name as gRPC gives it: so that one can be cut. */
export class Connections {
  readonly #sockets = new Map<string, Socket>();
  readonly #listener: Server;

  constructor(grpc: Grpc, credentials: ServerCredentials) {
    const injector = grpc.createConnectionInjector(credentials);
    this.#listener = createServer({ noDelay: true }, (socket) => {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      this.#sockets.set(peer, socket);
      socket.once('close', () => this.#sockets.delete(peer)).on('error', () => socket.destroy());
      injector.injectConnection(socket);
    });
  }

  get count(): number { return this.#sockets.size; }

  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject).listen(port, host, () => resolve((this.#listener.address() as AddressInfo).port));
    });
  }

  /** Ends it at once, as a cable that is pulled would (the peer sees a reset). */
  cut(peer: string): void { this.#sockets.get(peer)?.resetAndDestroy(); }
  cutAll(): void { for (const socket of this.#sockets.values()) socket.resetAndDestroy(); }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#listener.close(() => resolve());
      for (const socket of this.#sockets.values()) socket.destroy();
    });
  }
}
