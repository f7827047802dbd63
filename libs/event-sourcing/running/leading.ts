import type { Shared } from '../ports/shared.js';
import type { Clock } from './clock.js';

const TTL_MS = 6_000;
const ASK_EVERY_MS = 2_000;
/** A holder takes itself for deposed so long before others may take over: clocks are read, and answers travel, at their own pace. */
const MARGIN_MS = 1_000;

export interface Leading {
  /** Lets another take over at once. */
  close(): Promise<void>;
}

/**
 * One of several processes leads at a time: it holds a lease and prolongs it. A lease only saves work: whoever leads by
 * mistake must do no harm. `changed` is told one change after the other, each once the one before has been dealt with.
 */
export function leading(name: string, holder: string, shared: Shared, clock: Clock, changed: (leads: boolean) => Promise<void>): Leading {
  let leads = false, closed = false, holds = false;
  let dealing: Promise<void> = Promise.resolve();
  let ask = (): void => {}, depose = (): void => {};
  let asking: Promise<void> = Promise.resolve();

  const set = (now: boolean): void => {
    if (now === leads) return;
    leads = now;
    dealing = dealing.then(() => changed(now));
  };
  const once = async (): Promise<void> => {
    const asked = clock.monotonic();
    const won = await shared.lease(name, holder, TTL_MS).catch(() => null);
    holds = won ?? holds;
    if (closed) return;
    // no answer is not a no: until the lease ends it is ours
    if (won !== null) {
      depose();
      const left = asked + TTL_MS - MARGIN_MS - clock.monotonic();
      if (won && left > 0) depose = clock.after(left, () => set(false));
      set(won && left > 0);
    }
    ask = clock.after(ASK_EVERY_MS, () => { asking = once(); });
  };
  asking = once();
  return {
    async close() {
      closed = true;
      ask();
      depose();
      await asking;
      set(false);
      await dealing;
      if (holds) await shared.lease(name, holder, 1).catch(() => false);
    },
  };
}
