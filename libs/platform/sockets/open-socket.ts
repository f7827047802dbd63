import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { Refusal } from '#libs/event-sourcing/errors';
import type { HttpLog } from '../http/log.js';
import { Allowance, Flood } from './allowance.js';
import { CLOSINGS, type Closing } from './close-codes.js';
import { errorFrame, readFrame, type Frame } from './frames.js';

/** What takes frames of one type; answers what is sent back, if anything. */
export type Take = (frame: Frame) => Promise<object | undefined>;

/** How one socket is treated. Times are ms, `now` is monotonic. */
export interface SocketRules<Party> {
  now(): number;
  /** Counts a frame against its sender's share; ms to wait, 0: taken. */
  count(party: Party): Promise<number>;
  /** types that cost next to nothing: they count only against the socket's own allowance */
  cheap: ReadonlySet<string>;
  /** told of each frame, by a type that is known here, else `other` */
  framed(type: string): void;
  log: HttpLog;
}

export const PING_EVERY_MS = 25_000;
/** Whoever says nothing for so long is gone, whatever the line pretends. */
export const SILENT_MS = 60_000;
/** How long a closed socket has to say goodbye; whoever floods goes on meanwhile, and has less. */
export const GOODBYE_MS = 5_000;
const FLOODER_GOODBYE_MS = 1_000;
/** More than this unread makes the peer a slow reader. */
export const MOST_UNREAD = 1024 * 1024;
/** Whoever is handed a long list waits for his reader; one that takes nothing for so long is slow. */
const STUCK_MS = 10_000;
const FLOOD_MS = 5_000;
const CHEAP = { perSecond: 20, burst: 40 };
/** Bytes, whatever they are: also what makes no whole frame has to be read. */
const READ = { perSecond: 256 * 1024, burst: 2 * 1024 * 1024 };
/** Frames over the limit that are answered in one second; the others wait on the line. */
const MOST_REFUSED = 200;
/** Frames that wait for the one before: from the first number on nothing more is read, until there are as few as the second. */
const MANY_WAITING = 64, FEW_WAITING = 8;

/**
 * One open socket. Frames are taken one after another in the order in which they came; what is cheap is answered at once. A peer that
 * floods, does not read or is gone is closed; after `end` nothing more is taken or sent.
 */
export class OpenSocket<Party = unknown> {
  /** by type of frame */
  readonly takes = new Map<string, Take>();
  readonly #waiting: (Frame | Refusal)[] = [];
  readonly #closed: (() => void)[] = [];
  readonly #cheap: Allowance;
  readonly #flood = new Flood(FLOOD_MS);
  #working = false;
  #ended: { code: number; at: number } | null = null;
  #isOpen = true;
  #heardAt: number;
  #pingedAt: number;
  /** until then frames are over the limit: nobody need be asked */
  #overUntil = 0;
  #stuckSince: number | null = null;
  #gathering = false;
  readonly #read: Allowance;
  #refused = 0;
  #rested: (() => void) | null = null;

  /** @param line what `ws` speaks on */
  constructor(readonly party: Party, private readonly ws: WebSocket, private readonly line: Pick<Socket, 'cork' | 'uncork'> & { on(event: 'data', call: (bytes: Buffer) => void): unknown }, private readonly rules: SocketRules<Party>) {
    this.#heardAt = this.#pingedAt = rules.now();
    this.#cheap = new Allowance(CHEAP.perSecond, CHEAP.burst, this.#heardAt);
    this.#read = new Allowance(READ.perSecond, READ.burst, this.#heardAt);
    line.on('data', ({ length }: Buffer) => {
      if (this.#read.take(this.rules.now(), length)) return;
      this.end('flood');
      this.ws.pause();
    });
    ws.on('message', (data: Buffer, binary: boolean) => this.#receive(data, binary));
    // ws has answered it; it costs as much as a frame
    for (const control of ['ping', 'pong'] as const) ws.on(control, () => { this.#heardAt = this.rules.now(); this.#cheaply(); });
    // ws closes by itself, and says here why: too big, not UTF-8, no WebSocket at all
    ws.on('error', (error: Error & { code?: string }) => { this.#ended ??= { code: CODE_OF[error.code ?? ''] ?? 1002, at: this.rules.now() }; });
    ws.on('close', (code: number) => { this.#ended ??= { code, at: this.rules.now() }; this.#isOpen = false; for (const call of this.#closed) call(); });
  }

  /** The code that it was closed with; null while it is open. */
  get closedWith(): number | null { return this.#ended?.code ?? null; }
  onClose(call: () => void): void { this.#closed.push(call); }

  /** Sends a frame. Nothing is kept for whoever does not read: over 1 MiB the socket is closed. */
  send(text: string): void {
    if (this.#ended) return;
    this.#gather();
    this.ws.send(text);
    if (this.ws.bufferedAmount > MOST_UNREAD) this.end('slow');
  }

  /** What is sent in one go leaves in one write: a system call for each frame is most of what a frame costs. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.line.cork();
    process.nextTick(() => { this.#gathering = false; this.line.uncork(); });
  }

  /** The same, and waits until the peer's line has taken it; false when the socket is closed. For many frames at once. */
  async sent(text: string): Promise<boolean> {
    if (this.#ended) return false;
    this.#stuckSince = this.rules.now();
    await new Promise<void>((resolve) => { this.ws.send(text, () => resolve()); });
    this.#stuckSince = null;
    return this.#ended === null;
  }

  /** Answers a frame that failed. A defect is logged, without what was sent. */
  refuse(error: unknown, inReplyTo: string | null): void {
    const { text, defect } = errorFrame(error, inReplyTo);
    if (defect) this.rules.log.error({ err: error }, 'a frame failed unexpectedly');
    this.send(text);
  }

  end(closing: Closing): void {
    if (this.#ended) return;
    const [code, reason] = CLOSINGS[closing];
    this.#ended = { code, at: this.rules.now() };
    this.#waiting.length = 0;
    // paused, it would never hear the peer's goodbye; of whoever floods nothing more is read
    if (closing === 'flood') this.ws.pause();
    else if (this.ws.isPaused) this.ws.resume();
    this.ws.close(code, reason);
  }

  /** To be called about once a second: asks whether the peer is there, and cuts who is not. */
  tick(): void {
    const now = this.rules.now();
    if (!this.#isOpen) return;
    this.#refused = 0;
    this.#rested?.();
    if (this.#ended) {
      if (now - this.#ended.at >= (this.#ended.code === CLOSINGS.flood[0] ? FLOODER_GOODBYE_MS : GOODBYE_MS)) this.ws.terminate();
    } else if (now - this.#heardAt >= SILENT_MS && !this.ws.isPaused) {
      this.#ended = { code: 1006, at: now };
      this.ws.terminate();
    } else if (this.ws.bufferedAmount > MOST_UNREAD || (this.#stuckSince !== null && now - this.#stuckSince >= STUCK_MS)) {
      this.end('slow');
    } else if (now - this.#pingedAt >= PING_EVERY_MS) {
      this.#pingedAt = now;
      this.ws.ping();
    }
  }

  #receive(data: Buffer, binary: boolean): void {
    if (this.#ended) return;
    this.#heardAt = this.rules.now();
    if (binary) { this.end('binary'); return; }
    const frame = readFrame(data);
    const type = frame instanceof Refusal ? 'other' : frame.type;
    this.rules.framed(this.takes.has(type) ? type : 'other');
    if (!(frame instanceof Refusal) && this.rules.cheap.has(type)) {
      if (this.#cheaply()) void this.#take(frame);
      return;
    }
    this.#waiting.push(frame);
    if (this.#waiting.length >= MANY_WAITING && !this.ws.isPaused) this.ws.pause();
    if (!this.#working) void this.#work();
  }

  #cheaply(): boolean {
    const within = this.#cheap.take(this.rules.now());
    if (!within) this.end('flood');
    return within;
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let frame = this.#waiting.shift(); frame !== undefined; frame = this.#waiting.shift()) {
      if (await this.#within(frame instanceof Refusal ? null : frame.type)) await this.#take(frame);
      else if (++this.#refused > MOST_REFUSED) await new Promise<void>((resolve) => { this.#rested = resolve; });
      if (this.ws.isPaused && !this.#ended && this.#waiting.length <= FEW_WAITING) this.ws.resume();
    }
    this.#working = false;
  }

  async #take(frame: Frame | Refusal): Promise<void> {
    const type = frame instanceof Refusal ? null : frame.type;
    try {
      if (frame instanceof Refusal) throw frame;
      const take = this.takes.get(frame.type);
      if (!take) throw new Refusal('invalid_request', `There are no frames of the type "${frame.type}" here. There are: ${[...this.takes.keys()].sort().join(', ')}.`);
      const answer = await take(frame);
      if (answer) this.send(JSON.stringify(answer));
    } catch (error) { this.refuse(error, type); }
  }

  /** Whether the sender may send one more; says so where he may not. */
  async #within(type: string | null): Promise<boolean> {
    const { now, count } = this.rules;
    let wait = this.#overUntil - now();
    if (wait <= 0) {
      try { wait = await count(this.party); } catch (error) { this.refuse(error, type); return false; }
      this.#overUntil = wait > 0 ? now() + wait : 0;
    }
    if (wait <= 0) return this.#ended === null;
    if (this.#flood.refused(now())) this.end('flood');
    else this.refuse(new Refusal('rate_limited', 'The rate limit is reached. Wait as long as `retry_after` says (seconds), then try again.', undefined, { retryAfter: wait / 1000 }), type);
    return false;
  }
}

const CODE_OF: Record<string, number> = { WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: CLOSINGS.too_big[0], WS_ERR_INVALID_UTF8: 1007, WS_ERR_TOO_MANY_BUFFERED_PARTS: CLOSINGS.flood[0] };
