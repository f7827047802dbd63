import { Metadata, status } from '@grpc/grpc-js';
import type { Expected } from './expected-revision.js';
import type { Fault } from './faults.js';

/** A gRPC status as EventStoreDB gives it: the client reads the kind of a refusal from the metadata. */
export interface Refused { code: status; details: string; metadata: Metadata }

function refused(code: status, details: string, fields: Record<string, string> = {}): Refused {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  return { code, details, metadata };
}

export const notLeader = (leader: { host: string; port: number }): Refused =>
  refused(status.NOT_FOUND, 'Leader info available', { exception: 'not-leader', 'leader-endpoint-host': leader.host, 'leader-endpoint-port': String(leader.port) });
export const BUSY = {
  busy: refused(status.UNAVAILABLE, 'Server Is Too Busy'),
  'not-ready': refused(status.UNAVAILABLE, 'Server Is Not Ready'),
  timeout: refused(status.ABORTED, 'Operation timed out: commit phase timeout'),
} as const;
export const accessDenied = (): Refused => refused(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });
export const unauthenticated = (): Refused => refused(status.UNAUTHENTICATED, 'Bad credentials');
export const badRequest = (why: string): Refused => refused(status.INVALID_ARGUMENT, why);
export const streamDeleted = (stream: string): Refused =>
  refused(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, { exception: 'stream-deleted', 'stream-name': stream });
export const tooLarge = (limit: number): Refused =>
  refused(status.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, { exception: 'maximum-append-size-exceeded', 'maximum-append-size': String(limit) });
export const wrongExpectedVersion = (stream: string, expected: Expected, current: number): Refused =>
  refused(status.FAILED_PRECONDITION, `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${current}`,
    { exception: 'wrong-expected-version', 'stream-name': stream, 'expected-version': String(versionNumber(expected)), 'actual-version': String(current) });


const VERSION_NUMBERS = { no_stream: -1n, any: -2n, stream_exists: -4n } as const;
/** The numbers that stand for words on the older wire. */
export const versionNumber = (expected: Expected): bigint => (typeof expected === 'bigint' ? expected : VERSION_NUMBERS[expected]);

/** What a call is answered when such a fault is aimed at it. */
export function refusalOf(fault: Fault): Refused {
  switch (fault.fault) {
    case 'not-leader': return notLeader(fault.leader);
    case 'busy': return BUSY[fault.as ?? 'busy'];
    case 'status': return refused(fault.code, fault.message ?? '');
    default: return refused(status.INTERNAL, `${fault.fault} is not answered`);
  }
}
