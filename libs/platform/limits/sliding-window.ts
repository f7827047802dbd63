/** What one window knows at one moment: hits of the window before, hits of this one (this request among them), and how far it has gone. */
export interface WindowState {
  previous: number;
  current: number;
  elapsedMs: number;
  windowMs: number;
}

export interface Allowance {
  /** hits that count against the limit now, this one among them */
  used: number;
  allowed: boolean;
  remaining: number;
  /** until this window ends */
  resetMs: number;
  /** until one more request would be taken, if none is sent before; 0 when this one was */
  retryMs: number;
}

/**
 * A window that slides: hits of the window before count by the share of it that still lies within one window's length from now.
 * Two counters instead of a list of hits, and no double allowance around a window's edge.
 */
export function allowanceOf({ previous, current, elapsedMs, windowMs }: WindowState, limit: number): Allowance {
  const used = previous * (1 - elapsedMs / windowMs) + current;
  const allowed = used <= limit;
  return {
    used: Math.ceil(used),
    allowed,
    remaining: Math.max(0, Math.floor(limit - used)),
    resetMs: windowMs - elapsedMs,
    retryMs: allowed ? 0 : retryMs({ previous, current, elapsedMs, windowMs }, limit),
  };
}

function retryMs({ previous, current, elapsedMs, windowMs }: WindowState, limit: number): number {
  const rest = windowMs - elapsedMs;
  if (limit < 1) return rest;
  // within this window, once enough of the previous one has slid out
  if (current + 1 <= limit) return Math.min(rest, windowMs * (1 - (limit - current - 1) / previous) - elapsedMs);
  // in the next one, where this window is the previous one
  return rest + Math.max(0, windowMs * (1 - (limit - 1) / current));
}
