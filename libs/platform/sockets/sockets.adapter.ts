import type { WebSocketAdapter } from '@nestjs/common';
import { lastValueFrom, type Observable } from 'rxjs';
import type { OpenSocket } from './open-socket.js';
import type { Sockets } from './sockets.js';

interface Handler { message: string; callback(frame: unknown, type: string): unknown }

/** Lets Nest's gateways (`@WebSocketGateway`, `@SubscribeMessage`) take frames by their type. It opens no port: see sockets.ts. */
export class SocketsAdapter<Party> implements WebSocketAdapter<Sockets<Party>, OpenSocket<Party>> {
  constructor(private readonly sockets: Sockets<Party>) {}

  create(): Sockets<Party> { return this.sockets; }
  bindClientConnect(sockets: Sockets<Party>, call: (socket: OpenSocket<Party>) => void): void { sockets.onOpen(call); }
  bindClientDisconnect(socket: OpenSocket<Party>, call: () => void): void { socket.onClose(call); }
  bindMessageHandlers(socket: OpenSocket<Party>, handlers: Handler[], transform: (data: unknown) => Observable<unknown>): void {
    for (const { message, callback } of handlers) {
      if (socket.takes.has(message)) throw new Error(`two gateways take frames of the type ${message}`);
      socket.takes.set(message, async (frame) => (await lastValueFrom(transform(callback(frame, message)), { defaultValue: undefined })) as object | undefined);
    }
  }
  /** Whoever ends the process closes them, before the ports. */
  close(): Promise<void> { return this.sockets.close(); }
  dispose(): Promise<void> { return Promise.resolve(); }
}
