import type { Spread, Summary } from './statistics.js';

/** A number in as many digits as tell something: 3 significant ones, and thousands apart. */
export function shown(n: number): string {
  if (!Number.isFinite(n)) return '–';
  const size = Math.abs(n);
  if (size >= 100) return Math.round(n).toLocaleString('en');
  return n.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

const within = ({ median, min, max }: Spread): string => (min === max ? shown(median) : `${shown(median)} (${shown(min)}–${shown(max)})`);

const COLUMNS: readonly [head: string, cell: (s: Summary) => string][] = [
  ['figure', (s) => s.figure],
  ['what', (s) => s.what],
  ['median (min–max)', (s) => `${within(s.value)} ${s.unit}`],
  ['of the ceiling', (s) => (s.ratio ? within(s.ratio) : '')],
  ['beside it', (s) => Object.entries(s.beside ?? {}).map(([name, value]) => `${name} ${shown(value)}`).join(' · ')],
  ['aim', (s) => s.judged.map((j) => j.aim).join('; ')],
  ['', (s) => s.judged.map((j) => (j.met ? 'ok' : 'missed')).join('; ')],
];

/** The table for people: GitHub's Markdown, aligned, so that it can be pasted into docs/benchmarks.md. */
export function table(summaries: readonly Summary[]): string {
  const rows = [COLUMNS.map(([head]) => head), ...summaries.map((s) => COLUMNS.map(([, cell]) => cell(s).replaceAll('|', '\\|')))];
  const widths = COLUMNS.map((_, i) => Math.max(3, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  const [head, ...body] = rows;
  return [line(head!), `|${widths.map((w) => '-'.repeat(w + 2)).join('|')}|`, ...body.map(line)].join('\n');
}

/** One line for programs. */
export const jsonLine = ({ samples, ceilings, value, ratio, judged, figure, what, unit, beside }: Summary): string =>
  JSON.stringify({ figure, what, unit, ...value, ratio, beside: beside ?? {}, aims: judged, samples, ceilings: ceilings ?? null });
