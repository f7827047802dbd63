import type { Progress } from '../standalone/control/operation.js';
import type { Terminal } from './terminal.js';

const BAR = 24;
const REDRAW_MS = 100;
/** Where a terminal says that it has no columns at all, as one without a window does. */
const UNKNOWN_WIDTH = 80;

/** Does long work under a bar on stderr, where a person looks at it; anywhere else nothing is written. */
export async function withProgress<T>(t: Terminal, what: string, work: (progress: (at: Progress) => void) => Promise<T>, monotonic: () => number = () => performance.now()): Promise<T> {
  if (!t.tty) return work(() => undefined);
  const began = monotonic();
  let drawn = began, any = false;
  try {
    return await work((at) => {
      const now = monotonic();
      if (now - drawn < REDRAW_MS) return;
      drawn = now;
      any = true;
      t.err(`\r${bar(what, at, (now - began) / 1000).slice(0, (t.width || UNKNOWN_WIDTH) - 1)}\u001b[K`);
    });
  } finally { if (any) t.err('\r\u001b[K'); }
}

/** One line: what, how far, how fast, how long still. `share` is how much of it is done, where that is known. */
export function bar(what: string, { done, of, share, unit }: Progress, seconds: number): string {
  const part = of === null ? (share ?? null) : Math.min(1, done / Math.max(1, of));
  const speed = seconds > 0 ? done / seconds : 0;
  const rate = `${grouped(Math.round(speed))} ${unit}/s`;
  if (part === null) return `${what}  ${grouped(done)} ${unit}  ${rate}`;
  const full = Math.round(part * BAR);
  const left = part > 0 ? (seconds * (1 - part)) / part : 0;
  return `${what}  [${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.floor(part * 100)).padStart(3)} %  ${grouped(done)} ${unit}  ${rate}  ${Math.ceil(left)} s left`;
}

const grouped = (n: number): string => n.toLocaleString('en');
