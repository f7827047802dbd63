/** Rows of due work that another leader wrote when it led no more. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Job } from '../ports/work-queue.js';
import { LoseParcel, parcel, TakeParcel, TOURS } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { settle, TestClock, until } from '../testing/test-clock.js';
import { DUE_WORK } from './due-work.js';
import type { Kernel } from './kernel.js';

let room: Room;
let clock: TestClock;
beforeEach(async () => { room = await Room.open(); clock = new TestClock(); });
afterEach(() => room.close());

const START = '2030-01-01T00:00:00.000Z';
const take = (k: Kernel, id: string) => k.commands.execute(parcel, new TakeParcel(id, { owner: 'o', to: '+4915100000001' }, by('c')));
const lose = (k: Kernel, id: string) => k.commands.execute(parcel, new LoseParcel(id, {}, by('l')));
const head = (): Promise<string | null> => room.engine.eventStore.head();
const rows = async (): Promise<string[]> => (await room.engine.readModels.find(DUE_WORK.name, { where: {}, limit: 1000 })).map((r) => r.id);
/** What the deposed leader writes: the ghost, as it was when it was taken. */
async function writesLate(checkpoint: string | null): Promise<void> {
  const [taken] = await room.engine.eventStore.read('parcel-ghost', 0, 1);
  await room.engine.readModels.apply(DUE_WORK.name, [{ id: 'parcel-ghost', position: taken!.position, row: { topic: TOURS, lane: 'red', job: 'ghost/1', dueAt: START, until: null, holds: null } }], checkpoint);
}
const start = async (): Promise<Kernel> => {
  const kernel = await room.kernel({ clock, projections: [] });
  kernel.startFollowers();
  return kernel;
};
const caughtUp = async (k: Kernel): Promise<void> => {
  const to = (await head())!;
  await until('due work is at the head', () => (k.statuses.get('due-work')?.position ?? '') >= to);
  await settle();
};

describe('a row that a deposed leader wrote late', () => {
  let writer: Kernel;
  beforeEach(async () => {
    writer = await room.kernel({ clock });
    await take(writer, 'before');
    await lose(writer, 'before');
    await room.engine.readModels.define(DUE_WORK);
    await room.engine.readModels.apply(DUE_WORK.name, [], await head());
    await take(writer, 'ghost');
  });

  it('goes once its stream was asked, where the next leader finds it', async () => {
    await lose(writer, 'ghost');
    await writesLate(await head());
    const jobs: Job[] = [], stop = new AbortController();
    const consuming = room.engine.workQueue.consume(TOURS, (job) => { jobs.push(job); return Promise.resolve('done' as const); }, { concurrency: 20, signal: stop.signal });
    const kernel = await start();
    await until('it is handed over', async () => { await clock.advance(10); return jobs.length === 1; });
    await until('its stream was asked', async () => { await clock.advance(5_000); return kernel.scheduler.size === 0; });
    await until('the row is gone', async () => { await clock.advance(1_000); return (await rows()).length === 0; });
    expect(jobs).toHaveLength(1);
    stop.abort();
    await consuming;
  });

  it('goes with the next that is written, where it came after the next leader had looked', async () => {
    const kernel = await start();
    await caughtUp(kernel);
    await writesLate(null);
    await lose(kernel, 'ghost');
    await caughtUp(kernel);
    await clock.advance(1_000);
    await until('all that was folded is written', async () => (await room.engine.readModels.checkpoint(DUE_WORK.name)) === (await head()));
    expect(await rows()).toEqual([]);
  });
});
