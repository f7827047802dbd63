import { describe, expect, it } from '@jest/globals';
import { Damaged } from '#libs/event-sourcing/errors';
import type { StoredEvent } from '#libs/event-sourcing/event';
import { newEvent } from '#libs/event-sourcing/testing/sample-events';
import { settle } from '#libs/event-sourcing/testing/test-clock';
import { LogFeed } from './log-feed.js';
import { ORIGIN, placeOf, positionOf } from './position.js';

const at = (n: number): string => positionOf({ commit: BigInt(n), prepare: BigInt(n) });
const all = (): boolean => true;
const stored = (n: number, stream: string): StoredEvent => ({ ...newEvent(), stream, revision: 0, position: at(n) });

function feedOf(count: number, streamOf: (n: number) => string = () => 'a-1', bytes = 100): LogFeed {
  const feed = new LogFeed(ORIGIN);
  feed.cover(['']);
  for (let n = 1; n <= count; n++) feed.add(at(n * 10), streamOf(n), stored(n * 10, streamOf(n)), bytes);
  return feed;
}

describe('positions', () => {
  it('are in the order of the log as text, and fit a header', () => {
    const places = [[0n, 0n], [9n, 9n], [10n, 9n], [10n, 10n], [99_999_999_999n, 5n], [2n ** 63n - 1n, 2n ** 63n - 1n]].map(([commit, prepare]) => ({ commit: commit!, prepare: prepare! }));
    const texts = places.map(positionOf);
    expect(texts.toSorted()).toEqual(texts);
    expect(texts.map(placeOf)).toEqual(places);
    for (const text of texts) expect(text).toMatch(/^[0-9A-Za-z.:-]{1,64}$/);
  });
});

describe('the feed', () => {
  it('gives what comes after a position, of the streams that are wanted, and how far it was heard', () => {
    const feed = feedOf(10, (n) => (n % 2 ? 'a-1' : 'b-1'));
    const { events, position, more } = feed.take(at(20), (stream) => stream === 'a-1', 3);
    expect(events.map((e) => e.position)).toEqual([at(30), at(50), at(70)]);
    expect([position, more]).toEqual([at(70), true]);
    expect(feed.take(at(95), all, 10)).toMatchObject({ events: [{ position: at(100) }], position: at(100), more: false });
    feed.moveTo(at(500));
    expect(feed.take(at(100), all, 10)).toEqual({ events: [], position: at(500), more: false });
    expect(feed.take(at(900), all, 10)).toEqual({ events: [], position: at(900), more: false });
  });

  it('takes a repeat once', () => {
    const feed = feedOf(3);
    feed.add(at(20), 'a-1', stored(20, 'a-1'), 1);
    expect(feed.take(ORIGIN, all, 10).events).toHaveLength(3);
  });

  it.each([['events', 20_000, 100], ['bytes', 100, 1024 * 1024]])('is bounded in %s: who is too slow reads by himself', (_, count, bytes) => {
    const feed = feedOf(count, undefined, bytes);
    expect(feed.holds(ORIGIN, [])).toBe(false);
    expect(feed.holds(at(count * 10), [])).toBe(true);
    let held = 0;
    for (let n = count; n > 0 && feed.holds(at((n - 1) * 10), []); n--) held++;
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(8192);
    expect(held * bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    const after = at((count - held) * 10);
    expect(feed.take(after, all, 3).events.map((e) => e.position)).toEqual([1, 2, 3].map((n) => at((count - held + n) * 10)));
  });

  it('holds only what is heard, and from where it is heard', () => {
    const feed = feedOf(10);
    feed.cover(['a-', 'b-']);
    expect(feed.holds(at(100), ['a-'])).toBe(true);
    expect(feed.holds(at(100), ['a-1', 'b-2'])).toBe(true);
    expect(feed.holds(at(100), ['c-'])).toBe(false);
    expect(feed.holds(at(100), [])).toBe(false);
    expect(feed.holds(at(90), ['a-'])).toBe(false);
  });

  it('stops at what is damaged only those who want it, after what stands before it', () => {
    const feed = feedOf(2);
    feed.add(at(30), 'bad-1', new Damaged('torn', at(30)), 0);
    feed.add(at(40), 'a-1', stored(40, 'a-1'), 1);
    expect(feed.take(ORIGIN, (stream) => stream !== 'bad-1', 10).events).toHaveLength(3);
    const before = feed.take(ORIGIN, all, 10);
    expect(before).toMatchObject({ events: [{}, {}], position: at(20), more: true });
    expect(() => feed.take(before.position, all, 10)).toThrow(Damaged);
  });

  it('wakes those who wait once for all that comes in one go', async () => {
    const feed = feedOf(0);
    let woken = 0;
    feed.onNews(() => { woken++; });
    const off = feed.onNews(() => { woken += 100; });
    off();
    for (let n = 0; n < 50; n++) feed.heard(n);
    expect(woken).toBe(0);
    await settle();
    expect(woken).toBe(1);
    expect(feed.heardAt).toBe(49);
  });
});
