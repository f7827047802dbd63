/** Time, injected. `now` is the wall clock (UTC), for what is written down; `monotonic` counts milliseconds, for durations. */
export interface Clock {
  now(): Date;
  monotonic(): number;
  /** Calls back once after so many milliseconds; the answer cancels it. Never keeps a process alive. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(ms, 0x7fff_ffff));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
