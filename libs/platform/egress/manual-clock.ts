import type { EgressClock } from './dial.js';

/** Time that passes only when a test says so. */
export class ManualClock implements EgressClock {
  private now = 0;
  private waiting = new Set<{ at: number; act: () => void }>();

  after(ms: number, act: () => void): () => void {
    const entry = { at: this.now + ms, act };
    this.waiting.add(entry);
    return () => void this.waiting.delete(entry);
  }

  /** Lets `ms` pass: what falls due happens, in order. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = [...this.waiting].filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.waiting.delete(next);
      this.now = next.at;
      next.act();
    }
    this.now = end;
  }

  /** How many timers run: none may be left when all calls have ended. */
  get running(): number {
    return this.waiting.size;
  }
}

/** Waits until something holds, turn by turn of the event loop; fails after 5 s. */
export async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never came true: ${holds.toString()}`);
    await new Promise((turn) => setImmediate(turn));
  }
}
