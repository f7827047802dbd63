import type { ThrottlerStorage } from '@nestjs/throttler';
import { LRUCache } from 'lru-cache';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import { type Allowance, allowanceOf } from './sliding-window.js';

type StorageRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

export interface CountersSettings {
  shared: Shared;
  /** counts when `shared` cannot: this process for itself. Without it, requests are refused (503) meanwhile. */
  fallback?: Shared;
  /** wall clock, milliseconds: hosts agree on where a window begins */
  now: () => number;
}

/**
 * The throttler's storage over the Shared port: per key and window one counter now and one of the window before, whatever the number of
 * hits. One `add` per hit; the window before is asked once per key and window, since it no longer changes.
 */
export class SharedCounters implements ThrottlerStorage {
  readonly #previous = new LRUCache<string, { window: number; hits: number }>({ max: 20_000 });

  constructor(private readonly settings: CountersSettings) {}

  /** One hit of `key` in windows of `windowMs`. */
  async count(key: string, windowMs: number, limit: number): Promise<Allowance> {
    const now = this.settings.now();
    const window = Math.floor(now / windowMs);
    const name = `limit/${windowMs}/${key}/`;
    // twice the window: the next one still asks for it
    const { total } = await this.#add(name + window, 1, 2 * windowMs);
    let before = this.#previous.get(name);
    if (before?.window !== window) {
      before = { window, hits: (await this.#add(name + (window - 1), 0, windowMs)).total };
      this.#previous.set(name, before);
    }
    return allowanceOf({ previous: before.hits, current: total, elapsedMs: now - window * windowMs, windowMs }, limit);
  }

  /** ThrottlerStorage: `ttl` in milliseconds, times in seconds. */
  async increment(key: string, ttl: number, limit: number): Promise<StorageRecord> {
    const { used, allowed, resetMs, retryMs } = await this.count(key, ttl, limit);
    return { totalHits: used, timeToExpire: Math.ceil(resetMs / 1000), isBlocked: !allowed, timeToBlockExpire: Math.ceil(retryMs / 1000) };
  }

  async #add(key: string, n: number, windowMs: number): Promise<{ total: number }> {
    const { shared, fallback } = this.settings;
    try {
      return await shared.add(key, n, windowMs);
    } catch (error) {
      if (fallback === undefined) throw new Unavailable('the rate limiter', 1000, { cause: error });
      return fallback.add(key, n, windowMs);
    }
  }
}
