import { expect, it } from '@jest/globals';
import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Parts } from './operation.js';
import { rebuildView } from './projections.js';

it('a rebuild gives way to the end of the server after the batch at hand', async () => {
  const ending = new AbortController();
  const batches: number[] = [];
  const rebuild = (_name: string, progress: (events: number, at: string, to: string) => void): Promise<number> => Promise.resolve().then(() => {
    for (const batch of [1, 2, 3]) {
      batches.push(batch);
      if (batch === 2) ending.abort();
      progress(batch, String(batch), '3');
    }
    return 3;
  });
  const error: unknown = await rebuildView.run({ kernel: { rebuild }, clock: systemClock } as unknown as Parts, { name: 'messages' }, { progress: () => undefined, signal: ending.signal }).catch((e: unknown) => e);
  expect(batches).toEqual([1, 2]);
  expect(error).toMatchObject({ name: 'AbortError' });
});
