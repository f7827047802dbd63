import type { ErrorCode } from './error-codes.js';

/** A "no" that the caller can act on: a code of the catalogue and what it is about. Never a defect. */
export class Refusal extends Error {
  constructor(readonly code: ErrorCode, detail?: string, readonly errors?: { field: string; message: string }[], readonly extra: Record<string, unknown> = {}) {
    super(detail ?? code);
    this.name = 'Refusal';
  }
}

/** Somebody appended first, or the expected revision lies ahead of the stream: read again and decide again. */
export class VersionConflict extends Error {
  constructor(readonly stream: string, readonly expected: number) {
    super(`${stream} is not at revision ${expected}`);
    this.name = 'VersionConflict';
  }
}

/** The engine cannot take more now, or lost its disk or line: nothing was acknowledged. Try again after `retryAfterMs`. */
export class Unavailable extends Error {
  constructor(readonly what: string, readonly retryAfterMs = 1000, options?: ErrorOptions) {
    super(`${what} is not available at the moment`, options);
    this.name = 'Unavailable';
  }
}

/** Stored data that is not what was written: never opened, never passed over in silence. */
export class Damaged extends Error {
  constructor(what: string, readonly position?: string) {
    super(position ? `${what}, at position ${position}` : what);
    this.name = 'Damaged';
  }
}

/** An event type or version that this program does not know: a follower stops here rather than skip it. */
export class UnknownEvent extends Error {
  constructor(readonly type: string, readonly version: number, readonly position: string) {
    super(`event ${type} version ${version} at position ${position} is not known to this program: start a version that knows it`);
    this.name = 'UnknownEvent';
  }
}

/** The stored event exceeds what every engine takes in one append. */
export class TooLarge extends Error {
  constructor(readonly bytes: number, readonly limit: number) {
    super(`an append of ${bytes} bytes is over the limit of ${limit}`);
    this.name = 'TooLarge';
  }
}
