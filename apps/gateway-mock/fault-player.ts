import type { ServerResponse } from 'node:http';
import type { Fault, FaultKind } from './faults.js';

/** The mock's time: what is shown, and what waits. */
export interface MockClock {
  now(): Date;
  after(ms: number, act: () => void): () => void;
}

/** A login page in a wrong encoding: bytes that are no UTF-8, and no documented answer. */
const GARBAGE = Buffer.concat([Buffer.from('<html><body>Please sign in '), Buffer.from([0xff, 0xfe, 0x80]), Buffer.from('</body></html>\n')]);
const HUGE_BYTES = 104_857_600;
const CHUNK = Buffer.alloc(65_536, 'x');
/** A slow answer has so many bytes: at one a second it outlasts every deadline. */
const SLOW_BYTES = 200;

interface Play {
  (response: ServerResponse, reply: string, type: string, fault: Fault, clock: MockClock): void;
}
const ok = (response: ServerResponse, reply: string, type: string): void => {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(reply) });
  response.end(reply);
};

const PLAYS: Record<Exclude<FaultKind, 'fail_then_succeed'>, Play> = {
  status: (response, _reply, _type, { status = 503 }) => {
    response.writeHead(status, { 'content-type': 'text/plain' });
    response.end(status === 204 || status === 304 ? undefined : 'fault on request\n');
  },
  delay: (response, reply, type, { delayMs = 1_000 }, clock) => {
    const cancel = clock.after(delayMs, () => ok(response, reply, type));
    response.once('close', cancel);
  },
  hang: () => {},
  reset: (response) => response.socket?.resetAndDestroy(),
  garbage: (response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(GARBAGE);
  },
  huge: (response, reply, type) => {
    response.writeHead(200, { 'content-type': type });
    response.write(reply);
    let left = HUGE_BYTES;
    const more = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= CHUNK.length;
        if (!response.write(CHUNK)) {
          response.once('drain', more);
          return;
        }
      }
      if (!response.destroyed) response.end();
    };
    more();
  },
  slow: (response, reply, type, { delayMs = 1_000 }, clock) => {
    const bytes = Buffer.from(reply.padEnd(SLOW_BYTES));
    response.writeHead(200, { 'content-type': type, 'content-length': bytes.length });
    let sent = 0;
    let cancel = () => {};
    const drip = (): void => {
      if (sent === bytes.length) return void response.end();
      response.write(bytes.subarray(sent, ++sent));
      cancel = clock.after(delayMs, drip);
    };
    response.once('close', () => cancel());
    drip();
  },
};

/** Answers a call as its fault says; `reply` is what would have been answered. */
export function playFault(fault: Fault, reply: string, type: string, response: ServerResponse, clock: MockClock): void {
  PLAYS[fault.kind === 'fail_then_succeed' ? 'status' : fault.kind](response, reply, type, fault, clock);
}
