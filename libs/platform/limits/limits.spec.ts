import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import { addressKey } from './address.js';
import { SharedCounters } from './shared-counters.js';
import { allowanceOf } from './sliding-window.js';

/** The port, in the plainest way: a fixed window from the first hit on. */
class PlainShared implements Shared {
  readonly windows = new Map<string, { total: number; endsAt: number }>();
  calls = 0;

  constructor(private readonly clock: { ms: number }) {}

  async add(key: string, n: number, windowMs: number): Promise<{ total: number; resetMs: number }> {
    this.calls++;
    const { ms } = this.clock;
    let window = this.windows.get(key);
    if (window === undefined || window.endsAt <= ms) this.windows.set(key, (window = { total: 0, endsAt: ms + windowMs }));
    window.total += n;
    return { total: window.total, resetMs: window.endsAt - ms };
  }

  async lease(): Promise<boolean> {
    return true;
  }
}

const MINUTE = 60_000;

describe('addressKey', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::ffff', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['nonsense', 'unknown'],
  ])('T86 %s is counted as %s', (address, key) => expect(addressKey(address)).toBe(key));
});

describe('allowanceOf', () => {
  it('takes the limit and not one more in an empty window', () => {
    expect(allowanceOf({ previous: 0, current: 60, elapsedMs: 10, windowMs: MINUTE }, 60)).toMatchObject({ allowed: true, remaining: 0, retryMs: 0, resetMs: MINUTE - 10 });
    expect(allowanceOf({ previous: 0, current: 61, elapsedMs: 10, windowMs: MINUTE }, 60)).toMatchObject({ allowed: false, remaining: 0 });
  });

  it('takes one more once the time it named has passed, and does not name zero', () => {
    fc.assert(fc.property(fc.nat(300), fc.nat(300), fc.integer({ min: 0, max: MINUTE - 1 }), fc.integer({ min: 1, max: 200 }), (previous, current, elapsedMs, limit) => {
      const { allowed, retryMs } = allowanceOf({ previous, current, elapsedMs, windowMs: MINUTE }, limit);
      fc.pre(!allowed);
      expect(retryMs).toBeGreaterThan(0);
      const at = elapsedMs + retryMs + 1;
      const then = at < MINUTE ? { previous, current: current + 1, elapsedMs: at } : { previous: current, current: 1, elapsedMs: at - MINUTE };
      expect(allowanceOf({ ...then, windowMs: MINUTE }, limit).allowed).toBe(true);
    }));
  });
});

describe('SharedCounters', () => {
  it('T86 gives no double allowance at a window\'s edge', async () => {
    const clock = { ms: 10 * MINUTE + 59_000 };
    const counters = new SharedCounters({ shared: new PlainShared(clock), now: () => clock.ms });
    const burst = async (): Promise<number> => {
      let taken = 0;
      for (let i = 0; i < 60; i++) if ((await counters.count('k', MINUTE, 60)).allowed) taken++;
      return taken;
    };
    expect(await burst()).toBe(60);
    clock.ms += 2_000;
    expect(await burst()).toBeLessThanOrEqual(2);
    clock.ms += 2 * MINUTE;
    expect(await burst()).toBe(60);
  });

  it('T86 counts over processes that share', async () => {
    const clock = { ms: 5 * MINUTE };
    const shared = new PlainShared(clock);
    const [a, b] = [new SharedCounters({ shared, now: () => clock.ms }), new SharedCounters({ shared, now: () => clock.ms })];
    for (let i = 0; i < 30; i++) {
      await a.count('k', MINUTE, 60);
      await b.count('k', MINUTE, 60);
    }
    expect(await a.count('k', MINUTE, 60)).toMatchObject({ used: 61, allowed: false });
    expect(await b.count('other', MINUTE, 60)).toMatchObject({ used: 1, allowed: true });
  });

  it('asks once per hit, and keeps two counters per key and window whatever the number of hits', async () => {
    const clock = { ms: 0 };
    const shared = new PlainShared(clock);
    const counters = new SharedCounters({ shared, now: () => clock.ms });
    for (let i = 0; i < 100; i++) await counters.count('k', MINUTE, 1_000);
    expect(shared.calls).toBe(101);
    expect(shared.windows.size).toBe(2);
  });

  it('T86 with the counters down: local counters if there are any, else 503', async () => {
    const down: Shared = { add: () => Promise.reject(new Error('down')), lease: () => Promise.reject(new Error('down')) };
    await expect(new SharedCounters({ shared: down, now: () => 0 }).count('k', MINUTE, 1)).rejects.toMatchObject({ name: 'Unavailable' });
    const counters = new SharedCounters({ shared: down, fallback: new PlainShared({ ms: 0 }), now: () => 0 });
    expect((await counters.count('k', MINUTE, 1)).allowed).toBe(true);
    expect((await counters.count('k', MINUTE, 1)).allowed).toBe(false);
  });

  it('is a storage of the throttler, in seconds', async () => {
    const clock = { ms: 90_000 };
    const counters = new SharedCounters({ shared: new PlainShared(clock), now: () => clock.ms });
    expect(await counters.increment('k', MINUTE, 1)).toEqual({ totalHits: 1, timeToExpire: 30, isBlocked: false, timeToBlockExpire: 0 });
    expect(await counters.increment('k', MINUTE, 1)).toMatchObject({ totalHits: 2, isBlocked: true });
  });
});
