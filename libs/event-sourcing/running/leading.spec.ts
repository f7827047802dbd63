import { describe, expect, it } from '@jest/globals';
import { MemoryShared } from '#libs/engines/embedded/shared';
import type { Shared } from '../ports/shared.js';
import { settle, TestClock } from '../testing/test-clock.js';
import { leading } from './leading.js';

const place = (): { clock: TestClock; shared: Shared; told: string[]; enter: (who: string, over?: Partial<Shared>) => ReturnType<typeof leading> } => {
  const clock = new TestClock();
  const shared = new MemoryShared(clock);
  const told: string[] = [];
  const enter = (who: string, over: Partial<Shared> = {}): ReturnType<typeof leading> =>
    leading('scheduler', who, { add: (key, n, windowMs) => shared.add(key, n, windowMs), lease: (name, holder, ttl) => shared.lease(name, holder, ttl), ...over }, clock, (leads) => { told.push(`${who} ${leads ? 'leads' : 'rests'}`); return Promise.resolve(); });
  return { clock, shared, told, enter };
};

describe('leading', () => {
  it('one of two leads, for as long as it lives', async () => {
    const { clock, told, enter } = place();
    const [a, b] = [enter('a'), enter('b')];
    await clock.advance(60_000);
    expect(told).toEqual(['a leads']);
    await a.close();
    await clock.advance(2_000);
    expect(told).toEqual(['a leads', 'a rests', 'b leads']);
    await b.close();
  });

  it('rests before its lease ends when it cannot prolong it, and only then another leads', async () => {
    const { clock, shared, told, enter } = place();
    let cut = false;
    const a = enter('a', { lease: (name, holder, ttl) => (cut ? Promise.reject(new Error('cut off')) : shared.lease(name, holder, ttl)) });
    await settle();
    const b = enter('b');
    cut = true;
    await clock.advance(4_999);
    expect(told).toEqual(['a leads']);
    await clock.advance(1);
    expect(told).toEqual(['a leads', 'a rests']);
    await clock.advance(3_000);
    expect(told).toEqual(['a leads', 'a rests', 'b leads']);
    cut = false;
    await clock.advance(20_000);
    expect(told).toHaveLength(3);
    await Promise.all([a.close(), b.close()]);
  });

  it('does not lead by an answer that came after its lease', async () => {
    const { clock, told, enter } = place();
    const a = enter('a', { lease: () => new Promise((resolve) => { clock.after(5_500, () => resolve(true)); }) });
    await clock.advance(6_000);
    expect(told).toEqual([]);
    const closing = a.close();
    await clock.advance(20_000);
    await closing;
  });
});
