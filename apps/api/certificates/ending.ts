import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { countEnding } from '#projections/credential-list/credential-list.reader';
import { ENDING_MS } from '../principal.guard.js';

const EVERY_MS = 60_000;

/** How many client certificates count and end within 30 days; asked of the view once a minute at most. */
export function endingCertificates(views: ReadModels, clock: Clock): () => Promise<number> {
  let at = -Infinity, last = 0;
  return async () => {
    if (clock.monotonic() - at < EVERY_MS) return last;
    at = clock.monotonic();
    const now = clock.now();
    last = await countEnding(views, 'client-certificate', now.toISOString(), new Date(now.getTime() + ENDING_MS).toISOString());
    return last;
  };
}
