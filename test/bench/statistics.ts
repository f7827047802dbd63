/** The middle of the samples; between the two middle ones where their number is even. NaN of none. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The smallest sample that this share (0 to 1) of all samples does not exceed. NaN of none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export interface Spread { median: number; min: number; max: number }
export const spread = (samples: readonly number[]): Spread => ({ median: median(samples), min: Math.min(...samples), max: Math.max(...samples) });

/** A bound that somebody asked for, on the value itself, its ratio to the ceiling, or one of the figures beside it. */
export interface Aim { of: string; atLeast?: number; atMost?: number }
export interface Judged { aim: string; value: number; met: boolean }

/** One figure as it was measured. `ceilings` were measured in turn with the samples: the ratio is taken pair by pair. */
export interface Reading {
  figure: string;
  what: string;
  unit: string;
  samples: readonly number[];
  ceilings?: readonly number[];
  /** more about the same runs, each as its median over them, such as p99 in ms */
  beside?: Readonly<Record<string, number>>;
  aims?: readonly Aim[];
}

export interface Summary extends Reading { value: Spread; ratio: Spread | null; judged: Judged[] }

/** @throws Error where an aim names what was not measured */
export function summary(reading: Reading): Summary {
  const { samples, ceilings, beside = {}, aims = [] } = reading;
  const value = spread(samples);
  const ratio = ceilings ? spread(samples.map((s, i) => s / ceilings[i]!)) : null;
  const known: Record<string, number> = { ...beside, value: value.median, ...(ratio ? { ratio: ratio.median } : {}) };
  const judged = aims.map(({ of, atLeast = -Infinity, atMost = Infinity }) => {
    const measured = known[of];
    if (measured === undefined) throw new Error(`${reading.what}: an aim for ${of}, which was not measured`);
    const bounds = [...(atLeast === -Infinity ? [] : [`≥ ${atLeast}`]), ...(atMost === Infinity ? [] : [`≤ ${atMost}`])];
    return { aim: `${of === 'value' ? '' : `${of} `}${bounds.join(', ')}`, value: measured, met: measured >= atLeast && measured <= atMost };
  });
  return { ...reading, value, ratio, judged };
}
