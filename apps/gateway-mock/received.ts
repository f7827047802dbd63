/** One call that reached the mock. */
export interface ReceivedCall {
  /** 1, 2, 3, …: the order in which they came */
  n: number;
  /** UTC, ISO 8601 */
  at: string;
  path: string;
  idempotencyKey: string | null;
  sender: string | null;
  recipient: string | null;
  text: string;
  /** what the caller got: `ok`, the kind of the fault, or what a call is answered that is wrong in form */
  answered: string;
  /** what is wrong with the call's form; null: nothing. A wrong one is never carried out */
  wrong: string | null;
  /** of a wrong one: the beginning of what came, as it came (its body, else its address with the query); else null */
  raw: string | null;
  /** the mock did what it was asked (once for each key), whatever became of its answer */
  accepted: boolean;
  /** the key had been here before */
  duplicate: boolean;
}

export interface ReceivedStats {
  /** all that came, also those that are wrong in form */
  calls: number;
  /** calls carried out; a repeated key is carried out once */
  accepted: number;
  /** different idempotency keys */
  distinct: number;
  /** calls whose key had been here before */
  duplicates: number;
  /** calls that are wrong in form */
  wrong: number;
  byPath: Record<string, number>;
}

interface SeenKey {
  calls: number;
  /** what was answered when it was carried out */
  answer: string | null;
}

/** What the mock remembers: the newest calls in full, counters for ever, and keys up to a bound (then the oldest are forgotten). */
export class Received {
  private ring: ReceivedCall[] = [];
  private keys = new Map<string, SeenKey>();
  private calls = 0;
  private accepted = 0;
  private distinct = 0;
  private duplicates = 0;
  private wrong = 0;
  private byPath = new Map<string, number>();

  constructor(private readonly keptCalls = 10_000, private readonly keptKeys = 1_000_000) {}

  /** The answer that this key was given when it was carried out. */
  answerTo(key: string | null): string | null {
    return key === null ? null : (this.keys.get(key)?.answer ?? null);
  }

  callsWith(key: string): number {
    return this.keys.get(key)?.calls ?? 0;
  }

  /** Keeps a call; `answer` is what its key gets from now on, null when it was refused. */
  add(call: Omit<ReceivedCall, 'n' | 'duplicate' | 'accepted'>, answer: string | null): ReceivedCall {
    const { idempotencyKey: key, path } = call;
    const seen = key === null ? undefined : this.keys.get(key);
    const accepted = answer !== null && !seen?.answer;
    const kept: ReceivedCall = { n: ++this.calls, ...call, accepted, duplicate: seen !== undefined };
    if (accepted) this.accepted++;
    if (call.wrong !== null) this.wrong++;
    if (seen) {
      this.duplicates++;
      seen.calls++;
      seen.answer ??= answer;
    } else if (key !== null) {
      this.distinct++;
      this.keys.set(key, { calls: 1, answer });
      if (this.keys.size > this.keptKeys) this.keys.delete(this.keys.keys().next().value as string);
    }
    this.byPath.set(path, (this.byPath.get(path) ?? 0) + 1);
    this.ring[(kept.n - 1) % this.keptCalls] = kept;
    return kept;
  }

  /** Up to `limit` calls after number `after`, in order; without `after` the newest. */
  list(after?: number, limit = this.keptCalls): ReceivedCall[] {
    const oldest = Math.max(0, this.calls - this.keptCalls);
    const from = Math.max(oldest, after ?? this.calls - limit);
    const found: ReceivedCall[] = [];
    for (let n = from; n < this.calls && found.length < limit; n++) found.push(this.ring[n % this.keptCalls] as ReceivedCall);
    return found;
  }

  stats(): ReceivedStats {
    const { calls, accepted, distinct, duplicates, wrong } = this;
    return { calls, accepted, distinct, duplicates, wrong, byPath: Object.fromEntries(this.byPath) };
  }

  clear(): void {
    this.ring = [];
    this.keys.clear();
    this.byPath.clear();
    this.calls = this.accepted = this.distinct = this.duplicates = this.wrong = 0;
  }
}
