import type { EventStoreDBClient, StreamingRead } from '@eventstore/db-client';
import { Damaged, Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { ClientLine } from './client-line.js';
import { type Reaction, TimedOut, leavesConnection, reactionTo, sentenceOf } from './failures.js';

export interface CallLimits {
  /** how long one try may take, in ms */
  deadlineMs: number;
  /** how long all tries together may take, in ms */
  limitMs: number;
}

const FIRST_PAUSE = 50, LONGEST_PAUSE = 1000;

/** Runs calls with a deadline of their own, again where that is safe and may help. */
export class Calls {
  /** what the last call failed with, until one succeeds */
  failure: string | null = null;
  failedAt = -Infinity;
  #heard = -Infinity;

  constructor(readonly line: ClientLine, readonly clock: Clock, readonly limits: CallLimits, readonly closed: AbortSignal) {}

  /** Something was heard from the server. */
  heard(): void {
    this.#heard = this.clock.monotonic();
    this.failure = null;
    this.line.reached();
  }

  /**
   * @param call one try; it must be safe to repeat
   * @throws Unavailable · Damaged for a deleted stream · what `final` makes of the other reactions
   */
  async run<T>(call: (client: EventStoreDBClient, tries: number) => Promise<T>, final: (reaction: Reaction, error: unknown) => Error | null = () => null): Promise<T> {
    const end = this.clock.monotonic() + this.limits.limitMs;
    let pause = FIRST_PAUSE;
    let onceMore = true;
    for (let tries = 1; ; tries++) {
      if (this.line.down) throw new Unavailable('the log', 1000, { cause: new Error(this.failure ?? 'EventStoreDB could not be reached') });
      const client = this.line.ready ?? await this.line.client();
      const { epoch } = this.line;
      const sent = this.clock.monotonic();
      try {
        const answer = await call(client, tries);
        this.heard();
        return answer;
      } catch (error) {
        if (error instanceof Damaged) throw error;
        const reaction = reactionTo(error);
        const known = final(reaction, error);
        if (known) { this.heard(); throw known; }
        this.failure = sentenceOf(error);
        this.failedAt = this.clock.monotonic();
        const again = reaction === 'repeat' || reaction === 'renew' || (reaction === 'once' && onceMore);
        if (reaction === 'once' && !onceMore) this.line.unreachable();
        if (reaction === 'once') onceMore = false;
        // no answer to anybody since: the client or its line is dead, or froze asking what the server can do
        const silent = error instanceof TimedOut && this.#heard <= sent;
        const anew = reaction === 'renew' || silent;
        if ((anew || leavesConnection(error)) && !this.closed.aborted) await this.line.clear(epoch, anew);
        if (!again || this.closed.aborted || this.clock.monotonic() + pause >= end) throw new Unavailable('the log', 1000, { cause: error });
        await this.#pause(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  }

  /** Waits for an answer as long as one try may take. */
  within<T>(answer: Promise<T>): Promise<T> {
    const { clock, limits: { deadlineMs } } = this;
    return new Promise((resolve, reject) => {
      const stop = clock.after(deadlineMs, () => reject(new TimedOut(deadlineMs)));
      answer.then((value) => { stop(); resolve(value); }, (error: Error) => { stop(); reject(error); });
    });
  }

  /**
   * Reads to the end, or until `each` answers true; then the call is cancelled. The deadline is for silence: it begins
   * anew with what comes.
   */
  drain<E>(reading: StreamingRead<E>, each: (event: E) => boolean): Promise<void> {
    const { clock, limits: { deadlineMs } } = this;
    return new Promise((resolve, reject) => {
      let last = clock.monotonic();
      let done = false;
      let stop = clock.after(deadlineMs, function look() {
        const silent = clock.monotonic() - last;
        if (silent >= deadlineMs) finish(new TimedOut(deadlineMs), true);
        else stop = clock.after(deadlineMs - silent, look);
      });
      const offEnd = this.line.onEnd(() => finish(new TimedOut(deadlineMs), false));
      const finish = (error: Error | null, cancel: boolean): void => {
        if (done) return;
        done = true;
        stop();
        offEnd();
        // read on without a listener it would wait for ever, and its call with it
        if (cancel) reading.cancel().catch(() => undefined);
        if (error) reject(error); else resolve();
      };
      reading.on('error', (error) => finish(error, false)); // also after the end: without a listener the process would die
      reading.on('end', () => finish(null, false));
      reading.on('data', (event) => {
        if (done) return;
        last = clock.monotonic();
        try {
          if (each(event)) finish(null, true);
        } catch (error) { finish(error as Error, true); }
      });
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => { stop(); this.closed.removeEventListener('abort', end); resolve(); };
      const stop = this.clock.after(ms, end);
      this.closed.addEventListener('abort', end, { once: true });
    });
  }
}
