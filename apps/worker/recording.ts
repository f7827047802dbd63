import { Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';

const RECORD_TRIES = 6;

/** An outcome is worth several tries; if the log stays away, a settling tells the truth later: unknown. */
export async function outcomeRecorded(clock: Clock, record: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try { await record(); return; } catch (error) {
      if (!(error instanceof Unavailable) || tries === RECORD_TRIES) throw error;
      await new Promise<void>((resolve) => { clock.after(error.retryAfterMs * tries, resolve); });
    }
  }
}
