import { describe, expect, it } from '@jest/globals';
import { Damaged } from '#libs/event-sourcing/errors';
import type { StoredEvent } from '#libs/event-sourcing/event';
import type { LogReader, Stretch } from './log-reader.js';
import { ORIGIN, positionOf } from './position.js';
import { SharedReads } from './shared-reads.js';

const at = (n: number): string => positionOf({ commit: BigInt(n), prepare: BigInt(n) });

/** A log of so many events, a hundred of them in one read, in streams a-… and b-… by turns; what was asked for, and what was opened. */
function log(length: number, damaged: readonly number[] = []): { reads: SharedReads; asked: string[]; opened: number[] } {
  const asked: string[] = [], opened: number[] = [];
  const stretch = (after: string): Promise<Stretch> => {
    asked.push(after);
    const from = Number(after.slice(0, 20)) + 1, to = Math.min(length, from + 99);
    const entries = Array.from({ length: to - from + 1 }, (_, i) => from + i).map((n) => ({
      position: at(n), stream: n % 2 ? `a-${n}` : `b-${n}`,
      open: (): StoredEvent => { if (damaged.includes(n)) throw new Damaged(`event ${n}`); opened.push(n); return { position: at(n) } as StoredEvent; },
    }));
    return Promise.resolve({ entries, bytes: 1, position: at(Math.max(to, from - 1)), end: to === length });
  };
  return { reads: new SharedReads({ stretch } as Partial<LogReader> as LogReader), asked, opened };
}
async function through(reads: SharedReads, letter: string, limit: number): Promise<string[]> {
  const seen: string[] = [];
  for (let after = ORIGIN; ;) {
    const { events, position, end } = await reads.window(after, (stream) => stream.startsWith(letter), limit);
    seen.push(...events.map((e) => e.position));
    if (end) return seen;
    expect(position > after).toBe(true);
    after = position;
  }
}
const every = (length: number, first: number): string[] => Array.from({ length: Math.ceil((length - first + 1) / 2) }, (_, i) => at(first + 2 * i));

describe('reads of followers that are behind', () => {
  it.each([1, 7, 100, 1000])('are made once for all who go along, and give each all of his own: at most %i at once', async (limit) => {
    const { reads, asked } = log(450);
    const [a, b, again] = await Promise.all([through(reads, 'a', limit), through(reads, 'b', limit), through(reads, 'a', limit)]);
    expect([a, b, again]).toEqual([every(450, 1), every(450, 2), every(450, 1)]);
    if (limit >= 100) expect(asked).toEqual([ORIGIN, at(100), at(200), at(300), at(400)]);
  });
  it('open only what is wanted', async () => {
    const { reads, opened } = log(40);
    await through(reads, 'b', 1000);
    expect(opened.every((n) => n % 2 === 0)).toBe(true);
  });
  it('give what stands before a damaged event, then stop who wants that one, and nobody else', async () => {
    const { reads } = log(60, [31]);
    const wantsA = (stream: string): boolean => stream.startsWith('a');
    const before = await reads.window(ORIGIN, wantsA, 1000);
    expect([before.events.length, before.position, before.end]).toEqual([15, at(30), false]);
    await expect(reads.window(before.position, wantsA, 1000)).rejects.toThrow(Damaged);
    expect(await through(reads, 'b', 1000)).toEqual(every(60, 2));
  });
  it('look again where the log ended: it may have gone on', async () => {
    const { reads, asked } = log(50);
    for (let i = 0; i < 3; i++) expect((await reads.window(at(50), () => true, 1000)).end).toBe(true);
    expect(asked).toHaveLength(3);
  });
});
