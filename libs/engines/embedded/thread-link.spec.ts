import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { ThreadLink } from './thread-link.js';

const file = new URL('./dying.fixture', import.meta.url);
let clock: TestClock;
let link: ThreadLink;
beforeEach(async () => {
  clock = new TestClock();
  link = new ThreadLink('the thread', file, { starts: true }, clock, 32);
  expect(await link.start()).toBe('hello');
});
afterEach(() => link.close());

describe('the line to a thread', () => {
  it('sends what waits together, and answers each for itself', async () => {
    const answers = await Promise.allSettled(['a', 'defect', 'b', 'disk'].map((r) => link.call(r)));
    expect(answers).toMatchObject([
      { value: { calls: 1, together: 4 } }, { reason: { message: 'not a thing to ask' } }, { value: { calls: 3, together: 4 } }, { reason: { name: 'Unavailable' } },
    ]);
  });

  it('gathers while the thread is busy, up to the size of a batch', async () => {
    const small = new ThreadLink('the thread', file, { starts: true }, clock, 32, 3);
    await small.start();
    const answers = await Promise.all(Array.from({ length: 7 }, () => small.call<{ together: number }>('a')));
    expect(answers.map((a) => a.together)).toEqual([3, 3, 3, 3, 3, 3, 1]);
    await small.close();
  });

  it('fails what a dying thread had in hand and what waits behind it, and starts another, at most once a second', async () => {
    await link.call('a');
    const lost = await Promise.allSettled(['die', 'a'].map((r) => link.call(r)));
    for (const l of lost) expect(l).toMatchObject({ status: 'rejected', reason: { name: 'Unavailable' } });
    await expect(link.call('a')).rejects.toThrow(Unavailable); // within the second
    await clock.advance(1000);
    expect(await link.call('a')).toEqual({ calls: 1, together: 1 });
  });

  it('refuses what cannot be sent, and goes on', async () => {
    await expect(link.call(() => 1)).rejects.toThrow('could not be cloned');
    expect(await link.call('a')).toMatchObject({ calls: 1 });
  });

  it('says why a thread did not start', async () => {
    await expect(new ThreadLink('the thread', file, { starts: false }, clock, 32).start()).rejects.toThrow('does not start');
  });

  it('answers what waits when it is closed, and nothing after', async () => {
    const [answer] = await Promise.all([link.call('a'), link.close()]);
    expect(answer).toEqual({ calls: 1, together: 1 });
    await expect(link.call('a')).rejects.toThrow(Unavailable);
  });
});
