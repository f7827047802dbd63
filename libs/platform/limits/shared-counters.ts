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
    let total: number;
    try {
      // twice the window: the next one still asks for it
      total = (await this.settings.shared.add(name + window, 1, 2 * windowMs)).total;
    } catch (error) {
      total = (await this.#instead(error).add(name + window, 1, 2 * windowMs)).total;
    }
    let before = this.#previous.get(name);
    if (before?.window !== window) {
      before = { window, hits: await this.#hitsOf(name + (window - 1), windowMs) };
      this.#previous.set(name, before);
    }
    return allowanceOf({ previous: before.hits, current: total, elapsedMs: now - window * windowMs, windowMs }, limit);
  }

  /** ThrottlerStorage: `ttl` in milliseconds, times in seconds. */
  async increment(key: string, ttl: number, limit: number): Promise<StorageRecord> {
    const { used, allowed, resetMs, retryMs } = await this.count(key, ttl, limit);
    return { totalHits: used, timeToExpire: Math.ceil(resetMs / 1000), isBlocked: !allowed, timeToBlockExpire: Math.ceil(retryMs / 1000) };
  }

  async #hitsOf(key: string, windowMs: number): Promise<number> {
    try {
      return (await this.settings.shared.add(key, 0, windowMs)).total;
    } catch (error) {
      return (await this.#instead(error).add(key, 0, windowMs)).total;
    }
  }

  #instead(error: unknown): Shared {
    if (this.settings.fallback === undefined) throw new Unavailable('the rate limiter', 1000, { cause: error });
    return this.settings.fallback;
  }
}
