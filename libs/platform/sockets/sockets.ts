import type { IncomingMessage } from 'node:http';
import { WebSocketServer } from 'ws';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { handshakeOf } from '../http/handshakes.js';
import type { Closing } from './close-codes.js';
import { OpenSocket, type SocketRules } from './open-socket.js';

export const MOST_PAYLOAD = 64 * 1024;
/** Of one frame, and of what waits for its end as the line brought it: each piece takes far more memory than its bytes. */
const MOST_FRAGMENTS = 256, MOST_PIECES = 1_024;
/** Open sockets of one owner in one process. */
export const MOST_PER_OWNER = 50;
const RETRY_S = 10;
/** Every socket is looked at so often. */
export const SWEEP_MS = 1_000;
/** Whoever cannot be told of for so long is nobody: with the sweep under the 5 s in which a revocation counts. */
const UNANSWERED_MS = 3_000;
/** So many are looked at before others get their turn. */
const SLICE = 200;

export interface SocketsOptions<Party> extends Omit<SocketRules<Party>, 'now'> {
  clock: Clock;
  ownerOf(party: Party): string;
  /** Asked once a second for every open socket: why it may not stay open, or null. Not asked again for a socket before it has answered; one that takes 3 s for it is closed. */
  recheck(party: Party): Promise<Closing | null>;
  /** false: nobody can be asked, and all are closed */
  fresh(): boolean;
  opened(): void;
  closed(code: number): void;
  /** how long one look at all sockets took, in seconds */
  swept(seconds: number): void;
}

/** All open sockets of this process: how one is opened, kept an eye on, and how all are closed. */
export class Sockets<Party> {
  readonly #server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MOST_PAYLOAD, maxFragments: MOST_FRAGMENTS, maxBufferedChunks: MOST_PIECES, perMessageDeflate: false });
  readonly #open = new Set<OpenSocket<Party>>();
  readonly #perOwner = new Map<string, number>();
  readonly #onOpen: ((socket: OpenSocket<Party>) => void)[] = [];
  /** who is being asked about, since when */
  readonly #checking = new Map<OpenSocket<Party>, number>();
  readonly #headers = new WeakMap<IncomingMessage, readonly string[]>();
  readonly #rules: SocketRules<Party>;
  #sweeping = false;
  #closing = false;
  #empty: (() => void) | null = null;

  constructor(private readonly options: SocketsOptions<Party>) {
    this.#rules = { ...options, now: () => options.clock.monotonic() };
    this.#server.on('headers', (lines, request) => { lines.push(...(this.#headers.get(request) ?? [])); });
  }

  get size(): number { return this.#open.size; }
  onOpen(call: (socket: OpenSocket<Party>) => void): void { this.#onOpen.push(call); }

  /**
   * Opens a socket for whoever was let in, on the connection of this request.
   * @param headers go along with the answer 101
   * @throws Refusal upgrade_required · invalid_request · unavailable (going down) · rate_limited (too many of this owner's)
   */
  accept(request: IncomingMessage, party: Party, headers: Readonly<Record<string, string>>): void {
    const handshake = handshakeOf(request);
    if (handshake === null) throw new Refusal('upgrade_required');
    if (this.#closing) throw new Refusal('unavailable', 'This process is going down. Connect again in a moment.');
    checkHandshake(request);
    const owner = this.options.ownerOf(party);
    if ((this.#perOwner.get(owner) ?? 0) >= MOST_PER_OWNER) throw new Refusal('rate_limited', `You have ${MOST_PER_OWNER} open sockets here, which is the most. Close one.`, undefined, { retryAfter: RETRY_S });
    this.#headers.set(request, Object.entries(headers).map(([name, value]) => `${name}: ${value}`));
    const { socket, head } = handshake.take();
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#opened(new OpenSocket(party, ws, socket, this.#rules), owner));
  }

  /** Closes all (1001) and takes no more; resolves when the last is gone, at the latest when its time for a goodbye is over. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const socket of this.#open) socket.end('going');
    if (this.#open.size > 0) await new Promise<void>((resolve) => { this.#empty = resolve; });
  }

  #opened(socket: OpenSocket<Party>, owner: string): void {
    this.#open.add(socket);
    this.#perOwner.set(owner, (this.#perOwner.get(owner) ?? 0) + 1);
    this.options.opened();
    socket.onClose(() => {
      this.#open.delete(socket);
      const left = this.#perOwner.get(owner)! - 1;
      if (left > 0) this.#perOwner.set(owner, left); else this.#perOwner.delete(owner);
      this.options.closed(socket.closedWith ?? 1006);
      if (this.#open.size === 0) this.#empty?.();
    });
    for (const call of this.#onOpen) call(socket);
    if (!this.#sweeping) { this.#sweeping = true; this.#sweepLater(); }
  }

  #sweepLater(): void { this.options.clock.after(SWEEP_MS, () => { void this.#sweep(); }); }

  /** One look at every socket: is its peer there, does its credential still count. Ends with the last socket. */
  async #sweep(): Promise<void> {
    const { clock, fresh, swept } = this.options;
    const began = clock.monotonic();
    let looked = 0;
    for (const socket of this.#open) {
      socket.tick();
      if (socket.closedWith === null) {
        const since = this.#checking.get(socket);
        if (!fresh() || (since !== undefined && clock.monotonic() - since >= UNANSWERED_MS)) socket.end('unheard');
        else if (since === undefined) void this.#recheck(socket);
      }
      if (++looked % SLICE === 0) await turn();
    }
    await turn();
    swept((clock.monotonic() - began) / 1000);
    if (this.#open.size > 0) this.#sweepLater(); else this.#sweeping = false;
  }

  async #recheck(socket: OpenSocket<Party>): Promise<void> {
    this.#checking.set(socket, this.options.clock.monotonic());
    try {
      const closing = await this.options.recheck(socket.party);
      if (closing) socket.end(closing);
    } catch (error) {
      this.options.log.error({ err: error }, 'a socket\'s credential could not be looked at');
      socket.end('unheard');
    } finally { this.#checking.delete(socket); }
  }
}

/** Lets what is ready run, and others come in between. */
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** What ws would refuse in words of its own. */
function checkHandshake({ method, headers }: IncomingMessage): void {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') throw new Refusal('upgrade_required');
  if (!KEY.test(headers['sec-websocket-key'] ?? '') || headers['sec-websocket-version'] !== '13') throw new Refusal('invalid_request', 'The handshake is not one of WebSocket (RFC 6455): it has Sec-WebSocket-Key and Sec-WebSocket-Version: 13.');
  // there is none of ours to choose: as if it had not been sent, and never sent back
  Reflect.deleteProperty(headers, 'sec-websocket-protocol');
}
