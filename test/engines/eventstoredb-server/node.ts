import type { Metadata } from '@grpc/grpc-js';
import type { Connections } from './connections.js';
import type { EventLog, Outcome } from './event-log.js';
import type { Expected } from './expected-revision.js';
import type { Fault, Faults } from './faults.js';
import type { Proposed } from './recorded.js';
import type { Refused } from './refusals.js';

/** What every call needs of the server. */
export interface Node {
  log: EventLog;
  faults: Faults;
  connections: Connections;
  /** null: may call */
  access(metadata: Metadata): Refused | null;
  /** how to end each call that follows the log */
  followers: Set<() => void>;
  /** reads and subscriptions that are not at their end */
  reads: Set<object>;
  /** milliseconds since 1970 */
  now(): number;
  /** calls back after so many milliseconds */
  after(ms: number, act: () => void): void;
  /** where the leader listens: itself unless told */
  leader(): { host: string; port: number };
  self: { host: string; port: number };
}

export interface Append { stream: string; expected: Expected; events: readonly Proposed[] }

/** More than this in one append is refused, as EventStoreDB does unless configured. */
export const MAX_APPEND_BYTES = 1024 * 1024;
export const sizeOf = (e: Proposed): number => e.type.length * 2 + e.data.length + e.metadata.length;

/** How a call answers for an append; `refuse` gets faults that are answered, `cut` those that are not. */
export interface Answers {
  peer: string;
  answer(outcome: Outcome): void;
  refuse(fault: Fault): void;
}

/** Appends, with the fault that is aimed at it, if any. */
export function append(node: Node, { stream, expected, events }: Append, { peer, answer, refuse }: Answers): void {
  const fault = node.faults.take('append', stream);
  const perform = (done: (outcome: Outcome) => void): void => node.log.append(stream, expected, events, done);
  switch (fault?.fault) {
    case undefined: return perform(answer);
    case 'hang': return fault.done ? perform(() => undefined) : undefined;
    case 'cut': return fault.done ? perform(() => node.connections.cut(peer)) : node.connections.cut(peer);
    case 'slow': return node.after(fault.ms, () => perform(answer));
    default: return refuse(fault!);
  }
}
