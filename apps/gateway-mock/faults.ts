export const FAULT_KINDS = ['status', 'delay', 'hang', 'reset', 'garbage', 'huge', 'slow', 'fail_then_succeed'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What goes wrong, and for whom. */
export interface Fault {
  kind: FaultKind;
  /** E.164, sender or recipient; without it every call */
  number?: string;
  /** of `status` and `fail_then_succeed`; 503 unless told */
  status?: number;
  /** of `delay` before the answer, of `slow` between two bytes; 1000 unless told */
  delayMs?: number;
  /** so many calls, then no more; of `fail_then_succeed`: so many calls of each message (1 unless told) */
  times?: number;
}

const FIELDS = new Set(['kind', 'number', 'status', 'delayMs', 'times']);
const whole = (value: unknown, min: number, max: number): boolean => value === undefined || (Number.isInteger(value) && (value as number) >= min && (value as number) <= max);

/** A fault from a request's JSON, or all that is wrong with it. */
export function parseFault(asked: unknown): Fault | string[] {
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) return ['a fault is a JSON object'];
  const fault = asked as Partial<Record<keyof Fault, unknown>>;
  const wrong = [
    ...Object.keys(fault).filter((field) => !FIELDS.has(field)).map((field) => `"${field}" is not a field of a fault: ${[...FIELDS].join(', ')}`),
    FAULT_KINDS.includes(fault.kind as FaultKind) ? '' : `kind is one of ${FAULT_KINDS.join(', ')}`,
    fault.number === undefined || (typeof fault.number === 'string' && /^\+[1-9]\d{1,14}$/.test(fault.number)) ? '' : 'number is E.164, such as +85212345678',
    whole(fault.status, 200, 599) ? '' : 'status is a number from 200 to 599',
    whole(fault.delayMs, 0, 600_000) ? '' : 'delayMs is a number from 0 to 600000',
    whole(fault.times, 1, 1_000_000) ? '' : 'times is a number from 1 to 1000000',
  ].filter((problem) => problem !== '');
  return wrong.length > 0 ? wrong : (fault as Fault);
}

const ALL = '*';
/** Messages whose failures are counted at once; the oldest counts are forgotten. */
const COUNTED = 100_000;

/** The faults in force: one for each number, and one for all; a number's own goes first. */
export class Faults {
  private faults = new Map<string, { fault: Fault; left: number }>();
  private failed = new Map<string, number>();

  set(fault: Fault): void {
    this.faults.set(fault.number ?? ALL, { fault, left: fault.kind === 'fail_then_succeed' ? Infinity : (fault.times ?? Infinity) });
    this.failed.clear();
  }

  list(): Fault[] {
    return [...this.faults.values()].map(({ fault, left }) => (Number.isFinite(left) ? { ...fault, times: left } : fault));
  }

  clear(): void {
    this.faults.clear();
    this.failed.clear();
  }

  /** What happens to this call; counts it. `message` is what a failure is counted for. */
  take(sender: string | null, recipient: string | null, message: string): Fault | null {
    if (this.faults.size === 0) return null;
    const entry = this.faults.get(recipient ?? '') ?? this.faults.get(sender ?? '') ?? this.faults.get(ALL);
    if (!entry) return null;
    const { fault } = entry;
    if (fault.kind === 'fail_then_succeed') return this.failsStill(message, fault.times ?? 1) ? { ...fault, kind: 'status' } : null;
    if (--entry.left <= 0) this.faults.delete(fault.number ?? ALL);
    return fault;
  }

  private failsStill(message: string, times: number): boolean {
    const before = this.failed.get(message) ?? 0;
    if (before >= times) return false;
    this.failed.set(message, before + 1);
    if (this.failed.size > COUNTED) this.failed.delete(this.failed.keys().next().value as string);
    return true;
  }
}
