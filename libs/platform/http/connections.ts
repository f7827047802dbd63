import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A socket of Node's HTTP server, with the answer that it is busy with. */
type HttpSocket = Socket & { _httpMessage?: ServerResponse<IncomingMessage> | null };

/** The answer under way on this socket, if any. */
export const answerOf = (socket: Socket): ServerResponse | undefined => (socket as HttpSocket)._httpMessage ?? undefined;

/** A reader that takes less than this within the time given is only holding memory: 64 kB a minute is a modem of 1990. */
const SLOWEST_READ_BYTES = 64 * 1024;

/** What arrives after the last answer is thrown away no faster than so many bytes each so many milliseconds, per connection. */
const SIP_BYTES = 128 * 1024, SIP_PAUSE_MS = 10;

interface Reading {
  since: number;
  taken: number;
}

/**
 * The open sockets of our servers: how each is closed without cutting off its last answer, and who reads too slowly.
 * Costs nothing per request: slow readers are found by looking at all sockets now and then.
 */
export class Connections {
  readonly #open = new Map<Socket, Reading | undefined>();
  readonly #upgraded = new Set<Socket>();

  /** `slowReaderMs`: time for SLOWEST_READ_BYTES to be taken. `lingerMs`: how long what still arrives is thrown away after the last answer. `now`: monotonic ms. */
  constructor(private readonly limits: { slowReaderMs: number; lingerMs: number }, private readonly now: () => number) {}

  get size(): number {
    return this.#open.size + this.#upgraded.size;
  }

  add(socket: Socket): void {
    this.#open.set(socket, undefined);
    socket.once('close', () => this.#open.delete(socket));
    const { lingerMs } = this.limits;
    socket.destroySoon = () => linger(socket, lingerMs);
  }

  /** This socket speaks something else from now on (WebSocket): whoever speaks it ends it; we only cut it at the deadline. */
  handOver(socket: Socket): void {
    this.#open.delete(socket);
    this.#upgraded.add(socket);
    socket.once('close', () => this.#upgraded.delete(socket));
    Reflect.deleteProperty(socket, 'destroySoon');
  }

  /** Destroys whoever has been taking an answer too slowly. Call it regularly. */
  sweep(): void {
    const now = this.now();
    for (const [socket, reading] of this.#open) {
      if (socket.writableLength === 0) {
        if (reading !== undefined) this.#open.set(socket, undefined);
        continue;
      }
      const taken = socket.bytesWritten - socket.writableLength;
      if (reading === undefined) this.#open.set(socket, { since: now, taken });
      else if (now - reading.since >= this.limits.slowReaderMs) {
        if (taken - reading.taken < SLOWEST_READ_BYTES) socket.destroy();
        else this.#open.set(socket, { since: now, taken });
      }
    }
  }

  /** Closes what is idle now; what is being answered is told to end after its answer. */
  retire(): void {
    for (const socket of this.#open.keys()) {
      const answer = answerOf(socket);
      if (answer === undefined) socket.destroySoon();
      else if (!answer.headersSent) answer.shouldKeepAlive = false;
    }
  }

  destroy(): void {
    for (const socket of this.#open.keys()) socket.destroy();
    for (const socket of this.#upgraded) socket.destroy();
  }
}

/**
 * Ends a socket after its last answer. Closing at once while bytes are still arriving makes the kernel send a reset, which can
 * overtake the answer; so for a moment what arrives is read and thrown away, never parsed: nothing after the last request is a request.
 */
function linger(socket: Socket, lingerMs: number): void {
  if (socket.destroyed) return;
  let taken = 0;
  // in small sips: whoever still pours out a gigabyte must not make us allocate it, only to throw it away
  const drop = (bytes: Buffer): void => {
    taken += bytes.length;
    if (taken < SIP_BYTES) return;
    taken = 0;
    socket.pause();
    setTimeout(() => socket.resume(), SIP_PAUSE_MS).unref();
  };
  // first this one, which takes the socket back from the parser, then away with the parser's
  socket.on('data', drop);
  for (const listener of socket.listeners('data')) if (listener !== drop) socket.removeListener('data', listener as () => void);
  socket.end();
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
