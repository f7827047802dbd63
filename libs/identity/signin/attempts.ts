import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import { addressKey } from '#libs/platform/limits/address';

interface Window { ms: number; most: number }
const MINUTE = 60_000;

/**
 * Wrong passwords taken within a time: the longer somebody goes on, the longer he waits. Counted for an account from one address, and
 * for one address over all accounts; never for an account alone, so that nobody can lock its person out from elsewhere.
 */
export const WRONG_MOST = {
  account: [{ ms: 5 * MINUTE, most: 10 }, { ms: 60 * MINUTE, most: 30 }, { ms: 1_440 * MINUTE, most: 100 }],
  address: [{ ms: 5 * MINUTE, most: 30 }, { ms: 60 * MINUTE, most: 120 }, { ms: 1_440 * MINUTE, most: 400 }],
} as const satisfies Record<string, readonly Window[]>;

/** A try that was counted as a wrong one before anybody looked at the password: so many at once cannot pass the count. */
export interface Taken {
  /** Call it once. `counts`: the password was wrong; else it was right, or nobody looked at it. */
  end(counts: boolean): Promise<void>;
}

/** Tries of one address that are looked at now, and those that wait for them: they may turn out right. */
interface Line { running: number; waiting: (() => void)[] }
const WAITING_MOST = 256;

export class Attempts {
  readonly #lines = new Map<string, Line>();
  /** Without a way to count there is no signing in: no fallback. */
  constructor(private readonly shared: Pick<Shared, 'add'>) {}

  /**
   * Counts a try as a wrong one. Where it is one too many only because of others that are being looked at, it waits for them.
   * @param account who is meant: an account's id, or a hash of a name that nobody has
   * @throws Refusal rate_limited, with when to come back · Unavailable when it cannot be counted
   */
  async take(account: string, address: string): Promise<Taken> {
    const from = addressKey(address);
    const counted = [
      ...WRONG_MOST.account.map((window) => ({ ...window, name: `sign-in/${window.ms}/${account}/${from}` })),
      ...WRONG_MOST.address.map((window) => ({ ...window, name: `sign-in/${window.ms}/${from}` })),
    ];
    const add = (n: number): Promise<{ total: number; resetMs: number }[]> => Promise.all(counted.map(({ name, ms }) => this.#add(name, n, ms)));
    for (let alone = false; ;) {
      const waitMs = Math.max(...(await add(1)).map(({ total, resetMs }, i) => (total > counted[i]!.most ? resetMs : 0)));
      if (waitMs === 0) break;
      await add(-1);
      const line = this.#lines.get(from);
      // those that it was counted beside may have ended meanwhile: asked once more, by itself
      if (!line && !alone) { alone = true; continue; }
      if (!line || line.waiting.length >= WAITING_MOST) throw new Refusal('rate_limited', 'Too many wrong passwords. Wait as long as `Retry-After` says, then try again.', undefined, { retryAfter: waitMs / 1000 });
      await new Promise<void>((go) => { line.waiting.push(go); });
    }
    this.#begin(from);
    return { end: async (counts) => { try { if (!counts) await add(-1); } finally { this.#end(from); } } };
  }

  #begin(from: string): void {
    const line = this.#lines.get(from) ?? { running: 0, waiting: [] };
    line.running++;
    this.#lines.set(from, line);
  }

  /** Lets one go on; all of them where nobody is left to wait for. */
  #end(from: string): void {
    const line = this.#lines.get(from)!;
    if (--line.running === 0) this.#lines.delete(from);
    for (const go of line.waiting.splice(0, line.running === 0 ? Infinity : 1)) go();
  }

  async #add(name: string, n: number, ms: number): Promise<{ total: number; resetMs: number }> {
    try { return await this.shared.add(name, n, ms); } catch (error) { throw new Unavailable('signing in', 1000, { cause: error }); }
  }
}
