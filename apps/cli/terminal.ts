/** Where a command writes, and what it may use there. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  env: NodeJS.ProcessEnv;
  /** stderr is looked at by a person: progress is shown */
  tty: boolean;
  /** stdout takes colours */
  colour: boolean;
  /** nothing but ASCII may be written (NO_COLOR) */
  ascii: boolean;
  /** columns; 0: not known */
  width: number;
}

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, grey: 90, bold: 1 } as const;
export type Colour = keyof typeof CODES;
export const painted = (t: Pick<Terminal, 'colour'>, colour: Colour, text: string): string => (t.colour ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text);

// Text of the log comes from others: it must not move the cursor, change colours, or reorder what stands beside it.
// oxlint-disable-next-line no-control-regex
const UNSHOWABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** A text that somebody else wrote, safe for a terminal: control characters as `\u…`. */
export const shown = (t: Pick<Terminal, 'ascii'>, text: string): string => {
  const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const safe = text.replace(UNSHOWABLE, escaped);
  return !t.ascii ? safe : safe.replace(/[^\u0020-\u007e]/g, escaped);
};

/** Columns, as wide as their widest cell. `colours` per row, for the whole row. */
export function table(t: Terminal, head: readonly string[], rows: readonly (readonly (string | number | null)[])[], colourOf: (row: number) => Colour | null = () => null): string {
  const cells = rows.map((row) => row.map((cell) => shown(t, cell === null ? '-' : String(cell))));
  const widths = head.map((h, i) => Math.max(h.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ').trimEnd();
  const painting = (text: string, i: number): string => {
    const colour = colourOf(i);
    return colour ? painted(t, colour, text) : text;
  };
  return `${[painted(t, 'bold', line(head)), ...cells.map((row, i) => painting(line(row), i))].join('\n')}\n`;
}

/** A time to the second, UTC. */
export const when = (iso: string | null): string | null => (iso === null ? null : `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`);
