import type { Clock } from '../running/clock.js';

/** A clock that moves only when told. `advance` runs what falls due, in order, and lets promises settle in between. */
export class TestClock implements Clock {
  #at: number;
  #elapsed = 0;
  #timers: { due: number; call: () => void }[] = [];

  constructor(start = '2030-01-01T00:00:00.000Z') { this.#at = Date.parse(start); }

  now(): Date { return new Date(this.#at + this.#elapsed); }
  monotonic(): number { return this.#elapsed; }
  after(ms: number, call: () => void): () => void {
    const timer = { due: this.#elapsed + Math.max(0, ms), call };
    this.#timers.push(timer);
    return () => { this.#timers = this.#timers.filter((t) => t !== timer); };
  }

  /** Steps the wall clock alone, as an administrator or NTP does. */
  step(ms: number): void { this.#at += ms; }

  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    for (;;) {
      await settle();
      const next = this.#timers.filter((t) => t.due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.call();
    }
    this.#elapsed = end;
    await settle();
  }
}

/** Lets everything that is ready to run, run. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** Waits until a condition holds; fails with its name after a bound, never sleeps for a fixed time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, boundMs = 10_000): Promise<void> {
  const end = performance.now() + boundMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${boundMs} ms`);
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
  }
}
