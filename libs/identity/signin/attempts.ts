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

/** A try that was counted before anybody looked at the password: so many at once cannot pass the count. */
export interface Taken {
  /** It was right, or nobody looked at it: it counts for nothing. */
  giveBack(): Promise<void>;
}

export class Attempts {
  /** Without a way to count there is no signing in: no fallback. */
  constructor(private readonly shared: Pick<Shared, 'add'>) {}

  /**
   * Counts a try as a wrong one.
   * @param account who is meant: an account's id, or a hash of a name that nobody has
   * @throws Refusal rate_limited, with when to come back · Unavailable when it cannot be counted
   */
  async take(account: string, address: string): Promise<Taken> {
    const from = addressKey(address);
    const counted = [
      ...WRONG_MOST.account.map((window) => ({ ...window, name: `sign-in/${window.ms}/${account}/${from}` })),
      ...WRONG_MOST.address.map((window) => ({ ...window, name: `sign-in/${window.ms}/${from}` })),
    ];
    const giveBack = async (): Promise<void> => { await Promise.all(counted.map(({ name, ms }) => this.#add(name, -1, ms))); };
    const waits = await Promise.all(counted.map(async ({ name, ms, most }) => {
      const { total, resetMs } = await this.#add(name, 1, ms);
      return total > most ? resetMs : 0;
    }));
    const wait = Math.max(...waits);
    if (wait > 0) {
      await giveBack();
      throw new Refusal('rate_limited', 'Too many wrong passwords. Wait as long as `Retry-After` says, then try again.', undefined, { retryAfter: wait / 1000 });
    }
    return { giveBack };
  }

  async #add(name: string, n: number, ms: number): Promise<{ total: number; resetMs: number }> {
    try { return await this.shared.add(name, n, ms); } catch (error) { throw new Unavailable('signing in', 1000, { cause: error }); }
  }
}
