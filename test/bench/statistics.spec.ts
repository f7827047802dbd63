import { describe, expect, it } from '@jest/globals';
import { median, percentile, spread, summary, type Reading } from './statistics.js';
import { jsonLine, shown, table } from './table.js';

const reading: Reading = {
  figure: 'accept', what: 'one | two', unit: '/s', samples: [300, 100, 200], ceilings: [1_000, 500, 2_000], beside: { 'p99 ms': 12.345 },
  aims: [{ of: 'ratio', atLeast: 0.2 }, { of: 'p99 ms', atMost: 10 }],
};

describe('statistics', () => {
  it('take the middle, whatever the order', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
    expect(median([])).toBeNaN();
  });

  it('take percentiles as one of the samples', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(hundred, 0.5), percentile(hundred, 0.95), percentile(hundred, 1), percentile(hundred, 0)]).toEqual([50, 95, 100, 1]);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('leave their samples as they are', () => {
    const samples = [3, 1, 2];
    expect([spread(samples), percentile(samples, 0.5), samples]).toEqual([{ median: 2, min: 1, max: 3 }, 2, [3, 1, 2]]);
  });

  it('pair each sample with the ceiling measured beside it', () => {
    expect(summary(reading).ratio).toEqual({ median: 0.2, min: 0.1, max: 0.3 });
  });

  it('judge each aim at its bound', () => {
    expect(summary(reading).judged).toEqual([{ aim: 'ratio ≥ 0.2', value: 0.2, met: true }, { aim: 'p99 ms ≤ 10', value: 12.345, met: false }]);
    expect(summary({ ...reading, aims: [{ of: 'value', atLeast: 200.1 }] }).judged).toEqual([{ aim: '≥ 200.1', value: 200, met: false }]);
  });

  it('refuse an aim for what was not measured', () => {
    expect(() => summary({ ...reading, aims: [{ of: 'p50', atMost: 1 }] })).toThrow('p50');
  });
});

describe('the table', () => {
  it('shows three digits that tell something', () => {
    expect([0.1234, 1.234, 12.34, 123.4, 12_345.6, NaN].map(shown)).toEqual(['0.123', '1.23', '12.3', '123', '12,346', '–']);
  });

  it('has a row for each reading, as wide as its head', () => {
    const lines = table([summary(reading), summary({ figure: 'start', what: 'ready', unit: 'ms', samples: [700] })]).split('\n');
    expect(lines[2]).toContain('| 200 (100–300) /s | 0.200 (0.100–0.300) | p99 ms 12.3 | ratio ≥ 0.2; p99 ms ≤ 10 | ok; missed |');
    expect(lines[2]).toContain('one \\| two');
    expect(new Set(lines.map((l) => l.length)).size).toBe(1);
    expect(lines[3]).toMatch(/^\| start +\| ready +\| 700 ms +\| +\| +\| +\| +\|$/);
  });

  it('says the same to programs', () => {
    expect(JSON.parse(jsonLine(summary(reading)))).toMatchObject({ figure: 'accept', median: 200, min: 100, max: 300, ratio: { median: 0.2 }, samples: [300, 100, 200], aims: [{ met: true }, { met: false }] });
  });
});
