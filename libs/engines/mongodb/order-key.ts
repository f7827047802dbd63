import type { Value } from '#libs/event-sourcing/ports/read-models';

/**
 * Indexed values as texts that MongoDB compares byte by byte: null before numbers before texts before booleans, one
 * type for all, so that a range, a page and an index bound are each one comparison. Texts stay readable: `s2026-01-02`.
 */
export function orderKey(value: unknown, field: string): string {
  if (value === null || value === undefined) return 'a';
  if (typeof value === 'string') return `s${spelled(value)}`;
  if (typeof value === 'boolean') return value ? 't1' : 't0';
  if (typeof value === 'number') return Number.isFinite(value) ? `n${ordered(value)}` : 'a'; // as JSON has it
  throw new Error(`the indexed field ${field} holds neither text, number, boolean nor null`);
}

/** From where to where the values of one kind lie: low ≤ key < high. */
export const kindOf = (value: Value): { low: string; high: string } => (typeof value === 'string' ? { low: 's', high: 't' } : { low: 'n', high: 'o' });

/** A 64-bit float in sixteen hexadecimal digits that sort as the numbers do. */
function ordered(value: number): string {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(value === 0 ? 0 : value);
  if (bytes[0]! < 0x80) bytes[0]! |= 0x80;
  else for (let i = 0; i < 8; i++) bytes[i] = ~bytes[i]!;
  return bytes.toString('hex');
}

/** NUL, which not every server of this protocol takes, and the sign that stands for it: 0 → 1 1, 1 → 1 2. The order stays. */
const [ZERO, ONE, TWO] = ['\0', '\u0001', '\u0002'];
export const spelled = (text: string): string => (text.includes(ZERO) || text.includes(ONE) ? text.replaceAll(ONE, ONE + TWO).replaceAll(ZERO, ONE + ONE) : text);
/** What `spelled` was made from. */
export function unspelled(text: string): string {
  let plain = '';
  for (let from = 0; ;) {
    const at = text.indexOf(ONE, from);
    if (at < 0) return plain + text.slice(from);
    plain += text.slice(from, at) + (text[at + 1] === ONE ? ZERO : ONE);
    from = at + 2;
  }
}
