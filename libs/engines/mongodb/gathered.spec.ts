import { describe, expect, it } from '@jest/globals';
import { gathered } from './gathered.js';

/** Calls that end when they are told to. */
function held() {
  const calls: { all: readonly number[]; end(error?: Error): void }[] = [];
  const ask = gathered<number, string>(3, (all) => new Promise((resolve, reject) => {
    calls.push({ all, end: (error) => { if (error) reject(error); else resolve(all.map(String)); } });
  }));
  return { calls, ask };
}
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe('calls that are gathered', () => {
  it('a lone one goes at once; those that come meanwhile share the next, so many at most, each with its own answer', async () => {
    const { calls, ask } = held();
    const first = ask(0);
    expect(calls.map((c) => c.all)).toEqual([[0]]);
    const others = [1, 2, 3, 4].map(ask);
    await turn();
    expect(calls).toHaveLength(1);
    calls[0]!.end();
    expect(await first).toBe('0');
    await turn();
    calls[1]!.end();
    expect(await Promise.all(others.slice(0, 3))).toEqual(['1', '2', '3']);
    await turn();
    expect(calls.map((c) => c.all)).toEqual([[0], [1, 2, 3], [4]]);
    calls[2]!.end();
    expect(await others[3]).toBe('4');
    const later = ask(5);
    expect(calls[3]!.all).toEqual([5]);
    calls[3]!.end();
    expect(await later).toBe('5');
  });

  it('what one call holds is bounded by size; what is larger goes alone', async () => {
    const sizes: number[][] = [];
    const ask = gathered<number, number>(10, async (all) => { sizes.push([...all]); return all; }, (n) => n);
    expect(await Promise.all([1, 6, 4, 1, 99, 2].map(ask))).toEqual([1, 6, 4, 1, 99, 2]);
    expect(sizes).toEqual([[1], [6, 4], [1], [99], [2]]);
  });

  it('a failure is told to all who wait, and the next one is tried again', async () => {
    const { calls, ask } = held();
    const all = [0, 1, 2].map(ask);
    const told = Promise.allSettled(all);
    calls[0]!.end(new Error('away'));
    expect((await told).map((t) => (t.status === 'rejected' ? (t.reason as Error).message : t.value))).toEqual(['away', 'away', 'away']);
    expect(calls).toHaveLength(1);
    const again = ask(3);
    calls[1]!.end();
    expect(await again).toBe('3');
  });
});
