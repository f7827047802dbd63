import { expect, it } from '@jest/globals';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { MemoryShared } from './shared.js';

it('keeps no more counters than it may: the one begun longest ago makes room', async () => {
  const clock = new TestClock();
  const shared = new MemoryShared(clock, 3);
  for (const key of ['a', 'b', 'c']) await shared.add(key, 1, 1000);
  await shared.add('a', 1, 1000); // not begun anew: still the oldest
  await shared.add('d', 1, 1000);
  expect((await shared.add('b', 1, 1000)).total).toBe(2);
  expect((await shared.add('a', 1, 1000)).total).toBe(1);
});

it('answers how long the window still lasts', async () => {
  const clock = new TestClock();
  const shared = new MemoryShared(clock);
  expect(await shared.add('a', 1, 1000)).toEqual({ total: 1, resetMs: 1000 });
  await clock.advance(400);
  expect(await shared.add('a', 1, 1000)).toEqual({ total: 2, resetMs: 600 });
  await clock.advance(600);
  expect(await shared.add('a', 1, 1000)).toEqual({ total: 1, resetMs: 1000 });
});
