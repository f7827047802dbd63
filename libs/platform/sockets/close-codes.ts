/** Why a socket is closed from our side: the code and the reason that the peer is told (at most 123 bytes, nothing of anybody). docs/guides/live.md shows this table. */
export const CLOSINGS = {
  going: [1001, 'The server is going down. Connect again in a moment.'],
  binary: [1003, 'Send frames of JSON text.'],
  flood: [1008, 'Too many frames. Wait, then connect again.'],
  denied: [1008, 'Your address is not let in any more. Ask an administrator.'],
  too_big: [1009, 'A frame is 64 kB at most.'],
  slow: [1013, 'Frames are not read fast enough. Connect again and resume.'],
  unheard: [1013, 'This process cannot tell what counts at the moment. Connect again in a moment.'],
  revoked: [4401, 'What you signed in with does not count any more. Sign in and connect again.'],
} as const satisfies Record<string, readonly [code: number, reason: string]>;
export type Closing = keyof typeof CLOSINGS;

/** Codes that a metric names; whatever else a peer sends is `other`. 1005: closed without a code. 1006: the line broke. */
const COUNTED: ReadonlySet<number> = new Set([1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1013, 4401]);
export const countedCode = (code: number): string => (COUNTED.has(code) ? String(code) : 'other');
