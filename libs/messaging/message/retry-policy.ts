/**
 * When a message is tried again: data, kept in the accepted event, so that a changed policy touches new messages only.
 * Delay before attempt n+1, by kind: `constant` → everyMs · `exponential` → min(maxMs, minMs·2^(n-1)) · `steps` → steps[n-1] (the last repeats).
 * Jitter is a share of the delay (0.2 = ±20 %), drawn from the attempt's id: the same every time it is asked.
 */
export type RetryPolicy = {
  /** ends after so many attempts … */
  attempts: number;
  /** … or so long after it was first due, whichever is first (ms) */
  spanMs: number;
  /** share of the delay, 0 to 1 */
  jitter: number;
} & ({ kind: 'constant'; everyMs: number } | { kind: 'exponential'; minMs: number; maxMs: number } | { kind: 'steps'; stepsMs: number[] });

/** 32-bit FNV-1a: spreads ids evenly, the same in every process and at every replay. */
const spread = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0) / 0x1_0000_0000;
};

/** Milliseconds to wait after attempt number `used` of a policy failed. */
export function retryDelayMs(policy: RetryPolicy, used: number, attemptId: string): number {
  const base = policy.kind === 'constant' ? policy.everyMs
    : policy.kind === 'exponential' ? Math.min(policy.maxMs, policy.minMs * 2 ** Math.min(used - 1, 40))
    : policy.stepsMs[Math.min(used, policy.stepsMs.length) - 1]!;
  return Math.round(base * (1 + policy.jitter * (2 * spread(attemptId) - 1)));
}
