import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** A request that wants its connection to speak something else from now on. */
export interface Handshake {
  /** Lets go of the connection: whoever calls this speaks on it and ends it. `head`: what came behind the request. */
  take(): { socket: Socket; head: Buffer };
}

const offered = new WeakMap<IncomingMessage, Handshake>();

/** The handshake that this request is; null: an ordinary request. */
export const handshakeOf = (request: IncomingMessage): Handshake | null => offered.get(request) ?? null;

/**
 * An answer for a handshake, so that it is routed, guarded, counted and refused as any request: Node makes none. Unless it is taken, the
 * connection ends with the answer, for nobody reads requests from it any more.
 */
export function offerHandshake(request: IncomingMessage, socket: Socket, head: Buffer, handOver: () => void): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // Node took its own listener away: a line that breaks now would end the process
  socket.on('error', () => socket.destroy());
  response.assignSocket(socket);
  let taken = false;
  response.once('finish', () => {
    if (taken) return;
    response.detachSocket(socket);
    socket.destroySoon();
  });
  offered.set(request, {
    take: () => {
      taken = true;
      response.detachSocket(socket);
      handOver();
      return { socket, head };
    },
  });
  return response;
}
