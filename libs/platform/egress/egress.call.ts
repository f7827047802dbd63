import type { Dispatcher } from 'undici';
import { NotConnected, type EgressClock } from './dial.js';
import type { Answered, EgressResult } from './egress.js';

type Failure = Extract<EgressResult, { ok: false }>;
type Controller = Dispatcher.DispatchController;
type Headers = Answered['headers'];

/** Interim answers (100–199) taken before the real one; a flood of them is not HTTP. */
const MAX_INTERIM = 16;

/** What undici's codes mean to the caller; what is not here ended the line: `reset`. */
const PROBLEMS: Record<string, Failure['problem']> = {
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
  UND_ERR_INVALID_ARG: 'protocol',
  UND_ERR_NOT_SUPPORTED: 'protocol',
};
const codeOf = (error: Error & { code?: unknown }): string => (typeof error.code === 'string' ? error.code : '');

function problemOf(error: Error): Failure['problem'] {
  // undici ends the line with a plain socket error for an upgrade or a 100 that nobody asked for.
  if (error.name === 'HTTPParserError' || error.message === 'bad response' || error.message === 'bad upgrade') return 'protocol';
  return PROBLEMS[codeOf(error)] ?? 'reset';
}

/** One request on its way: settles once, by its answer, its error, its limit or its deadline, whichever is first. */
export class EgressCall implements Dispatcher.DispatchHandler {
  private settled = false;
  /** from the moment that undici writes the request: from here on it may have been carried out */
  private sent = false;
  private controller: Controller | undefined;
  private stopTimer: () => void = () => {};
  private interim = 0;
  private status = 0;
  private headers: Headers = {};
  private chunks: Uint8Array[] = [];
  private size = 0;

  constructor(private readonly settle: (result: EgressResult) => void, private readonly maxBytes: number) {}

  endsBy(clock: EgressClock, deadlineMs: number): void {
    this.stopTimer = clock.after(deadlineMs, () => {
      if (this.sent) this.fail('timeout', 'no complete answer by the deadline');
      else this.fail('connect_timeout', 'not connected by the deadline');
      this.controller?.abort(new Error('deadline'));
    });
  }

  onRequestStart(controller: Controller): void {
    // It was given up while it waited for a socket: throwing here keeps it from being written, and keeps the socket.
    if (this.settled) throw new Error('given up before it was sent');
    this.controller = controller;
    this.sent = true;
  }

  onResponseStart(controller: Controller, status: number, headers: Headers): void {
    if (status < 200) {
      if (++this.interim > MAX_INTERIM) {
        this.fail('protocol', 'too many interim answers');
        controller.abort(new Error('interim answers'));
      }
      return;
    }
    this.status = status;
    this.headers = headers;
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    const room = this.maxBytes - this.size;
    if (chunk.length <= room) {
      this.chunks.push(chunk);
      this.size += chunk.length;
      return;
    }
    this.chunks.push(chunk.subarray(0, room));
    this.finish({ ok: true, status: this.status, headers: this.headers, body: this.body(), truncated: true });
    controller.abort(new Error('answer too long'));
  }

  onResponseEnd(): void {
    this.finish({ ok: true, status: this.status, headers: this.headers, body: this.body(), truncated: false });
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (error instanceof NotConnected) this.fail(error.problem, error.message);
    else if (!this.sent) this.fail(problemOf(error) === 'protocol' ? 'protocol' : 'connect', `not sent: ${codeOf(error) || 'no connection'}`);
    else this.fail(problemOf(error), `${problemOf(error) === 'protocol' ? 'not an HTTP answer' : 'the line was cut'}: ${codeOf(error) || error.name}`);
  }

  private fail(problem: Failure['problem'], detail: string): void {
    const answered = this.status === 0 ? undefined : { status: this.status, headers: this.headers, body: this.body() };
    this.finish({ ok: false, problem, sent: this.sent, detail, ...(answered && { answered }) });
  }

  private body(): Uint8Array {
    const [only] = this.chunks;
    return this.chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.chunks);
  }

  private finish(result: EgressResult): void {
    if (this.settled) return;
    this.settled = true;
    this.stopTimer();
    this.settle(result);
  }
}
