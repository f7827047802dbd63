import { readFileSync } from 'node:fs';

/** A value of a row: a text as it is sent, or how to make a long or odd one. */
export type Value = string | { text: string; then: string; times: number } | { hex: string } | { number: number } | { value: string; bytes: string } | { value: string; in: string };
/** What must be answered. */
export interface Must { status?: number | number[]; code?: string; closed?: boolean; field?: string; says?: string; allow?: string; plain?: number; mtls?: string }
/**
 * A part of a row: `send` is sent by rows.spec.ts itself to a whole house, in the way of that name; `tested` by another spec, under the test
 * of that title, in whose source the value stands; `waits` says why nothing is sent yet.
 */
export type Part =
  | { send: string; must: Must; values: Value[]; note?: string }
  | { tested: string; test: string; must: string; values: Value[]; note?: string }
  | { waits: string; values: Value[] };
export interface Row { threat: string; parts: Part[] }

export const ROWS = JSON.parse(readFileSync(new URL('../rows.json', import.meta.url), 'utf8')) as Record<string, Row>;

/** A value as it goes over the wire. */
export function sent(value: Value): string | number | Buffer {
  if (typeof value === 'string') return value;
  if ('then' in value) return value.text + value.then.repeat(value.times);
  if ('hex' in value) return Buffer.from(value.hex, 'hex');
  if ('number' in value) return value.number;
  return 'bytes' in value ? value.bytes : value.value;
}

/** A value as a test's name shows it. */
export const shown = (value: Value): string => (typeof value === 'object' && 'value' in value ? value.value : JSON.stringify(value)).slice(0, 100);

/** What must stand in the source of the spec that sends it. */
export const sourceOf = (value: Value): string => (typeof value === 'object' && 'in' in value ? value.in : String(sent(value)));

/** The values that are sent here for a row, in order. */
export const rowValues = (id: string): Value[] => ROWS[id]!.parts.flatMap((part) => ('send' in part ? part.values : []));
