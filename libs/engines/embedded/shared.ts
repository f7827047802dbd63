import type { Shared } from '#libs/event-sourcing/ports/shared';
import type { Clock } from '#libs/event-sourcing/running/clock';

interface Window { total: number; endsAt: number }

/** Counters and leases in memory, of one process. At most `maxKeys` counters: the one begun longest ago makes room. */
export class MemoryShared implements Shared {
  readonly #windows = new Map<string, Window>();
  readonly #leases = new Map<string, { holder: string; endsAt: number }>();

  constructor(readonly clock: Clock, readonly maxKeys = 100_000) {}

  add(key: string, n: number, windowMs: number): Promise<{ total: number; resetMs: number }> {
    const now = this.clock.monotonic();
    let window = this.#windows.get(key);
    if (!window || window.endsAt <= now) {
      this.#windows.delete(key); // so that the map stays in the order of beginning
      this.#windows.set(key, window = { total: 0, endsAt: now + windowMs });
      if (this.#windows.size > this.maxKeys) this.#windows.delete(this.#windows.keys().next().value!);
    }
    window.total += n;
    return Promise.resolve({ total: window.total, resetMs: window.endsAt - now });
  }

  lease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const now = this.clock.monotonic();
    const held = this.#leases.get(name);
    if (held && held.holder !== holder && held.endsAt > now) return Promise.resolve(false);
    this.#leases.set(name, { holder, endsAt: now + ttlMs });
    return Promise.resolve(true);
  }
}
