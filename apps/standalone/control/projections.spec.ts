import { expect, it } from '@jest/globals';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { parcel, TakeParcel } from '#libs/event-sourcing/testing/example';
import { by, Room } from '#libs/event-sourcing/testing/rooms';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Parts } from './operation.js';
import { inspect } from './inspection.js';
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

it('doctor tells of a log that was restored from an older backup and has grown since, where no server runs', async () => {
  const room = await Room.open();
  try {
    const take = async (id: string): Promise<void> => { await (await room.kernel()).commands.execute(parcel, new TakeParcel(id, { owner: 'o', to: '+4915100000001' }, by(id))); };
    const [log, kept] = [join(room.dir, 'log.db'), join(room.dir, 'log.kept')];
    const found = async (): Promise<string> => {
      const parts = { kernel: await room.kernel({ clock: systemClock }), clock: systemClock, following: false } as unknown as Parts;
      const { findings } = await inspect.run(parts, {}, { progress: () => undefined, signal: new AbortController().signal });
      return findings.filter((f) => f.check.startsWith('view')).map((f) => `${f.check} ${f.state}: ${f.what}`).join('\n');
    };
    await take('a');
    await room.reopen(() => copyFileSync(log, kept));
    await take('b');
    const kernel = await room.kernel({ clock: systemClock });
    kernel.startFollowers();
    const head = (await room.engine.eventStore.head())!;
    await until('the views are at the end', () => ['parcels', 'due-work'].every((name) => (kernel.statuses.get(name)?.position ?? '') >= head));
    await room.reopen(() => copyFileSync(kept, log));
    for (const id of ['x', 'y']) await take(id);
    expect(await found()).toMatch(/view parcels fail: .*event 0 of parcel-b.*rebuild parcels.*\nview due-work fail: .*event 0 of parcel-b.*rebuild due-work/);
    for (const name of ['parcels', 'due-work']) await (await room.kernel({ clock: systemClock })).rebuild(name, () => undefined);
    expect(await found()).toBe('view parcels ok: 3 rows\nview due-work ok: 3 rows');
  } finally { await room.close(); }
});
