import { ErrorType } from '@eventstore/db-client';

/**
 * What an error of the client asks for:
 * - `conflict`: the stream is at another revision · `large`: over the server's limit · `absent`: there is no such stream
 * - `repeat`: whether it was done is not known, the same call is safe, so again until the limit
 * - `once`: another try may reach the right node or a new line; after that it is unavailable
 * - `renew`: the client will say the same for ever, so a new one, then again
 * - `busy`: not now; trying again would only add to it
 * - `denied`, `deleted`: a person has to look
 */
export type Reaction = 'conflict' | 'large' | 'absent' | 'repeat' | 'once' | 'renew' | 'busy' | 'denied' | 'deleted';

const BY_TYPE: Readonly<Record<string, Reaction>> = {
  [ErrorType.WRONG_EXPECTED_VERSION]: 'conflict',
  [ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED]: 'large',
  [ErrorType.STREAM_NOT_FOUND]: 'absent',
  [ErrorType.NO_STREAM]: 'absent',
  [ErrorType.DEADLINE_EXCEEDED]: 'repeat',
  [ErrorType.TIMEOUT]: 'repeat',
  [ErrorType.CANCELLED]: 'repeat',
  [ErrorType.NOT_LEADER]: 'once', // the client has turned to the leader that the error names
  [ErrorType.UNAVAILABLE]: 'once',
  [ErrorType.ACCESS_DENIED]: 'denied',
  [ErrorType.STREAM_DELETED]: 'deleted',
};

const CANCELLED = 1, DEADLINE = 4, PERMISSION = 7, UNAVAILABLE = 14, UNAUTHENTICATED = 16;
const BY_CODE: Readonly<Record<number, Reaction>> = {
  [CANCELLED]: 'repeat', [DEADLINE]: 'repeat', [UNAVAILABLE]: 'once', [PERMISSION]: 'denied', [UNAUTHENTICATED]: 'denied',
};

/** An own deadline that passed: nobody knows what became of the call. */
export class TimedOut extends Error {
  constructor(ms: number) {
    super(`EventStoreDB gave no answer within ${ms} ms`);
    this.name = 'TimedOut';
  }
}

/**
 * True for an error after which the client goes on over another connection, and leaves behind what still runs on the
 * first: should that fail later, the client would reject the appends on the second, and fall over their answers.
 */
export function leavesConnection(error: unknown): boolean {
  const { type, code } = error as { type?: unknown; code?: unknown };
  return type === ErrorType.UNAVAILABLE || type === ErrorType.NOT_LEADER || type === ErrorType.CANCELLED || code === UNAVAILABLE;
}

/** By type, then by code: while the server is down the client throws plain errors that have a code only. */
export function reactionTo(error: unknown): Reaction {
  if (error instanceof TimedOut) return 'repeat';
  const { type, code } = error as { type?: unknown; code?: unknown };
  const known = typeof type === 'string' ? BY_TYPE[type] : undefined;
  if (known) return known;
  const byCode = typeof code === 'number' ? BY_CODE[code] : undefined;
  if (byCode) return byCode;
  // a bare error with another code comes of the question what the server can do, whose answer the client keeps
  if (typeof code === 'number' && type === undefined) return 'renew';
  return 'busy'; // "Server busy" comes as `unknown`, without a code
}

export const sentenceOf = (error: unknown): string => {
  const { message, type } = error as { message?: unknown; type?: unknown };
  return typeof message === 'string' && message !== '' ? message : `EventStoreDB answered with an error of type ${String(type)}`;
};
