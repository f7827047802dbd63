import { describe, expect, it } from '@jest/globals';
import { Circuit } from './circuit.js';

const settings = { failures: 10, windowMs: 30_000, windowCalls: 20, windowShare: 0.5, probeMs: 30_000 };
const after = (...calls: [good: boolean, at: number][]): Circuit => {
  const c = new Circuit(settings);
  for (const [good, at] of calls) c.record(good, at);
  return c;
};
const row = (n: number, good: boolean, from = 0, step = 1): [boolean, number][] => Array.from({ length: n }, (_, i) => [good, from + i * step]);

describe('a circuit', () => {
  it('opens at ten failures in a row, not at nine, and not when a success lies between', () => {
    expect(after(...row(9, false)).open).toBe(false);
    expect(after(...row(10, false)).open).toBe(true);
    expect(after(...row(9, false), [true, 9], ...row(9, false, 10)).open).toBe(false);
  });

  it('opens when half of at least twenty calls in thirty seconds failed', () => {
    const mixed = (n: number, step = 1): [boolean, number][] => Array.from({ length: n }, (_, i) => [i % 2 === 0, i * step]);
    expect(after(...mixed(19)).open).toBe(false);
    expect(after(...mixed(20)).open).toBe(true);
    expect(after(...mixed(100, 3_000)).open).toBe(false); // never twenty within the window
    expect(after(...row(11, true), ...row(9, false, 11)).open).toBe(false);
  });

  it('while open grants one probe per interval, and closes at once when one succeeds', () => {
    const c = after(...row(10, false, 1_000, 0));
    expect([c.grant(1_000), c.grant(30_999), c.nextAt]).toEqual([false, false, 31_000]);
    expect([c.grant(31_000), c.grant(31_001), c.grant(60_999)]).toEqual([true, false, false]);
    c.record(false, 45_000);
    expect([c.open, c.grant(61_000)]).toEqual([true, true]);
    c.record(true, 61_500);
    expect([c.open, c.nextAt, c.grant(61_501), c.grant(61_501)]).toEqual([false, 0, true, true]);
  });

  it('that closed again has forgotten what failed before', () => {
    const c = after(...row(10, false));
    for (const [good, at] of row(30, false, 100)) c.record(good, at); // calls that were under way
    c.record(true, 200);
    for (const [good, at] of row(9, false, 201)) c.record(good, at);
    expect(c.open).toBe(false);
  });
});
