import { NO_STREAM as EMPTY, type AppendResult } from '@eventstore/db-client';
import { MAX_APPEND_BYTES } from '#libs/event-sourcing/canonical';
import { Damaged, TooLarge, Unavailable, VersionConflict } from '#libs/event-sourcing/errors';
import { NO_STREAM, type Position } from '#libs/event-sourcing/event';
import type { Append, Appended } from '#libs/event-sourcing/ports/event-store';
import type { Calls } from './calls.js';
import type { Reaction } from './failures.js';
import type { LogReader } from './log-reader.js';
import { isPlace, positionOf } from './position.js';
import { type Prepared, prepare } from './stored-form.js';

export interface AppendLimits {
  /** appends that may wait for an answer; twice as many where a stream goes on */
  maxQueued: number;
  /** their bytes */
  maxQueuedBytes: number;
  /** of these, how many are on the line at once: so few that the server answers them all within one deadline */
  maxSent: number;
}

/** Sends appends: those of one stream in their order, of different streams beside each other, within bounds. */
export class AppendLine {
  /** per stream the append that the next one waits for */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #queued = 0;
  #bytes = 0;
  #sent = 0;
  #closing = false;
  #whenEmpty: (() => void) | null = null;

  constructor(readonly calls: Calls, readonly reader: LogReader, readonly limits: AppendLimits) {}

  append(append: Append): Promise<Appended> {
    let prepared: Prepared;
    try {
      prepared = prepare(append.stream, append.expected, append.events);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    // what goes on with something accepted (an outcome, above all) finds room when nothing new does
    const room = append.expected === NO_STREAM ? 1 : 2;
    if (this.#closing || this.#queued >= room * this.limits.maxQueued || this.#bytes + prepared.bytes > room * this.limits.maxQueuedBytes) {
      return Promise.reject(new Unavailable('the log'));
    }
    this.#queued++;
    this.#bytes += prepared.bytes;
    return this.#inOrder(append, prepared);
  }

  /** Takes nothing more; resolves when everybody who waits has an answer. */
  close(): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#queued === 0) resolve();
    });
  }

  async #inOrder(append: Append, prepared: Prepared): Promise<Appended> {
    const { stream } = append;
    const before = this.#tails.get(stream);
    const mine = before ? before.then(() => this.#send(append, prepared), () => this.#send(append, prepared)) : this.#send(append, prepared);
    this.#tails.set(stream, mine);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(stream) === mine) this.#tails.delete(stream);
      this.#bytes -= prepared.bytes;
      if (--this.#queued === 0) this.#whenEmpty?.();
    }
  }

  async #send(append: Append, prepared: Prepared): Promise<Appended> {
    if (this.#sent >= this.limits.maxSent) await new Promise<void>((resolve) => { this.#waiting.push(resolve); });
    else this.#sent++;
    try {
      return await this.#call(append, prepared);
    } finally {
      const next = this.#waiting.shift(); // takes this one's place
      if (next) next(); else this.#sent--;
    }
  }

  async #call({ stream, expected }: Append, { events, bytes }: Prepared): Promise<Appended> {
    const { calls, reader } = this;
    const final = (reaction: Reaction): Error | null => {
      if (reaction === 'conflict') return new VersionConflict(stream, expected);
      if (reaction === 'large') return new TooLarge(bytes, MAX_APPEND_BYTES);
      if (reaction === 'deleted') return new Damaged(`${stream} was deleted in EventStoreDB: the log must not have holes`);
      return null;
    };
    // the same ids at the same revision: a try of which nobody knows what became is safe to repeat
    const expectedRevision = expected === NO_STREAM ? EMPTY : BigInt(expected);
    let known: Position | null = null;
    let repeated = false;
    const answer = await calls.run((client, tries) => {
      known = reader.highest;
      repeated = tries > 1;
      return calls.within(client.appendToStream(reader.names.stored(stream), events, { expectedRevision, deadline: calls.limits.deadlineMs }));
    }, final);
    const revision = expected + events.length;
    if (Number(answer.nextExpectedRevision) !== revision) {
      throw new Damaged(`${stream} was deleted or cut in EventStoreDB: an append after revision ${expected} became revision ${answer.nextExpectedRevision}`);
    }
    return { position: await this.#placeOf(stream, revision, answer, repeated ? null : known), revision };
  }

  /**
   * The answer to a repeat need not say where the events stand. It is one when this was not the first try, or when the
   * position was known before the call: then the stream is asked.
   */
  async #placeOf(stream: string, revision: number, { position }: AppendResult, known: Position | null | undefined): Promise<Position> {
    if (known !== null && isPlace(position)) {
      const text = positionOf(position);
      if (text > known!) {
        this.reader.raise(text);
        return text;
      }
    }
    const [event] = await this.reader.read(stream, revision, 1);
    if (!event) throw new Unavailable('the log');
    return event.position;
  }
}
