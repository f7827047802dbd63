/** Time, as the embedded engines need it; tests hand in their own. */
export interface Clock {
  /** milliseconds that never run backwards: for durations */
  monotonic(): number;
  /** milliseconds since 1970, UTC: for moments that were written down */
  utc(): number;
  /** calls back once after `ms`; answers how to call it off. Does not keep the process alive. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  utc: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
