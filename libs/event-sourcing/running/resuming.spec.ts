import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyDecider } from '../decider.js';
import { Damaged } from '../errors.js';
import { NO_STREAM } from '../event.js';
import type { EventStore } from '../ports/event-store.js';
import { parcel, parcels, SeeParcel, TakeParcel } from '../testing/example.js';
import { projected } from '../testing/given.js';
import { by, Room } from '../testing/rooms.js';
import { until } from '../testing/test-clock.js';
import { systemClock } from './clock.js';
import { DUE_WORK } from './due-work.js';
import type { Kernel } from './kernel.js';
import { liveView } from './live-state.js';
import { collectionOf } from './projecting.js';
import { isMarked, markAfter, markOf } from './resuming.js';

let room: Room;
beforeEach(async () => { room = await Room.open(); });
afterEach(() => room.close());

const VIEW = collectionOf(parcels);
const FOLLOWERS = ['parcels', 'due-work'];
const log = (name = 'log.db'): string => join(room.dir, name);
const kept = (): string => log('log.kept');
const backUp = (): Promise<void> => room.reopen(() => copyFileSync(log(), kept()));
const restore = (): Promise<void> => room.reopen(() => {
  for (const beside of ['-wal', '-shm']) rmSync(log(`log.db${beside}`), { force: true });
  copyFileSync(kept(), log());
});

const open = (over: Parameters<Room['kernel']>[0] = {}): Promise<Kernel> => room.kernel({ clock: systemClock, ...over });
const take = (kernel: Kernel, id: string) => kernel.commands.execute(parcel, new TakeParcel(id, { owner: 'o', to: '+4915100000001' }, by(id)));
const takeAll = async (ids: string[]): Promise<void> => {
  const kernel = await open();
  for (const id of ids) await take(kernel, id);
};
/** A kernel whose followers are at the log's end, or stand still. */
async function followed(over: Parameters<Room['kernel']>[0] = {}): Promise<Kernel> {
  const kernel = await open(over);
  const head = (await room.engine.eventStore.head())!;
  kernel.startFollowers();
  await until('all are at the end, or stand still', () => FOLLOWERS.every((f) => { const s = kernel.statuses.get(f); return s && (s.stopped !== null || (s.position ?? '') >= head); }));
  return kernel;
}
const stopped = (kernel: Kernel): (string | null)[] => FOLLOWERS.map((f) => kernel.statuses.get(f)!.stopped);
const rows = async (): Promise<unknown[]> => (await room.engine.readModels.find(VIEW, { where: {}, sort: { by: ['id'] }, limit: 100 })).map(({ id, row }) => [id, row]);
const folded = async (): Promise<unknown[]> => [...projected(parcels, (await room.engine.eventStore.readAll(null, ['parcel-'], 1_000)).events)].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** a, b are in the backup; c, d, e were followed, and are lost; then as many others come as are told, to the same end or beyond. */
async function restoredAndGrown(others: string[]): Promise<void> {
  await takeAll(['a', 'b']);
  await backUp();
  await takeAll(['c', 'd', 'e']);
  await (await followed()).close();
  await restore();
  await takeAll(others);
}

describe('a log that was restored from an older backup, and has grown past what was seen of it', () => {
  it.each([
    ['far beyond', ['v', 'w', 'x', 'y', 'z']],
    ['to the very same position', ['x', 'y', 'z']],
    ['by the very requests that it lost, made again', ['c', 'd', 'e', 'f']],
  ])('%s: views and due work stand still, say what mends it, and are mended by that', async (_how, others) => {
    await restoredAndGrown(others);
    const kernel = await followed();
    expect(stopped(kernel)).toEqual(FOLLOWERS.map((name) =>
      expect.stringMatching(new RegExp(`^the checkpoint of ${name} is of another log: event 0 of parcel-e, which it has seen at \\d+, is not there \\(a restored backup\\?\\): run \`npx heliograph projections rebuild ${name}\`$`))));
    for (const name of FOLLOWERS) await kernel.rebuild(name, () => {});
    await kernel.close();
    expect(stopped(await followed())).toEqual([null, null]);
    expect(await rows()).toEqual(await folded());
    expect((await room.engine.readModels.find(DUE_WORK.name, { where: {}, sort: { by: ['id'] }, limit: 100 })).map((r) => r.id)).toEqual(['a', 'b', ...others].map((id) => `parcel-${id}`));
  });

  it('is noticed where only the end of the last batch was lost', async () => {
    await takeAll(['a', 'b', 'c', 'd']);
    await backUp();
    await takeAll(['e']);
    await (await followed()).close();
    await restore();
    await takeAll(['x', 'y']);
    expect(stopped(await followed())).toEqual([expect.stringContaining('event 0 of parcel-e'), expect.stringContaining('event 0 of parcel-e')]);
  });

  it('is noticed after a rebuild too', async () => {
    await takeAll(['a']);
    await backUp();
    await takeAll(['b', 'c']);
    const kernel = await open();
    for (const name of FOLLOWERS) await kernel.rebuild(name, () => {});
    await restore();
    await takeAll(['x', 'y', 'z']);
    expect(stopped(await followed())).toEqual([expect.stringContaining('of another log'), expect.stringContaining('of another log')]);
  });

  it('live views are folded from it, not taken from the rows of the other', async () => {
    await restoredAndGrown(['x', 'y', 'z', 'zz']);
    const view = liveView(parcels);
    await (await open({ live: [view] })).startLive();
    expect([...view.all()].toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual(await folded());
  });

  it('live views are folded from it, also where it has not grown as far', async () => {
    await restoredAndGrown(['x']);
    const view = liveView(parcels);
    await (await open({ live: [view] })).startLive();
    expect([...view.all().keys()].toSorted()).toEqual(['a', 'b', 'x']);
  });

  it('a state is not begun from a snapshot of the other, though the stream is as long as it was, at the same places', async () => {
    const see = async (place: string, from: number, to: number): Promise<void> => {
      const kernel = await open();
      for (let i = from; i < to; i++) await kernel.commands.execute(parcel, new SeeParcel('s', { place: `${place}${i}` }, by(`${place}${i}`)));
    };
    await see('before', 0, 40);
    await backUp();
    const kernel = await open();
    await kernel.commands.execute(parcel, new SeeParcel('s', { place: 'lost' }, by('lost')));
    await take(kernel, 's'); // what only the lost history knows
    await see('lost', 42, 100);
    expect(await room.engine.readModels.get('snapshot_parcel@1', 'parcel-s')).toMatchObject({ row: { mark: { revision: 99 } } });
    await restore();
    await see('other', 40, 100);
    await room.reopen();
    const { states } = await open();
    expect(await states.read(parcel as AnyDecider, 'parcel-s')).toMatchObject({ revision: 99, state: { seen: 100, status: 'new', owner: '' } });
  });
});

describe('a follower for which nothing comes', () => {
  const foreign = async (n: number): Promise<void> => {
    const metadata = { correlationId: 'c', causationId: 'c', principal: 'p', at: '' };
    for (let i = 0; i < n; i++) await room.engine.eventStore.append(`letter-${i}`, NO_STREAM, [{ id: `l${i}`, type: 'LetterSeen', version: 1, data: {}, tags: { owner: 'o' }, metadata }]);
  };
  const position = (n: number): string => String(n).padStart(16, '0');

  it('gets what a log that was cut behind its last event has got there since', async () => {
    await takeAll(['a', 'b']);
    await backUp();
    await foreign(5);
    await (await followed()).close();
    expect(await room.engine.readModels.mark(VIEW)).toMatchObject({ stream: 'parcel-b' });
    await room.engine.readModels.apply(VIEW, [], position(7)); // as a word from the log says: up to there, nothing
    await restore();
    await takeAll(['x']);
    await foreign(6);
    expect(stopped(await followed())).toEqual([null, null]);
    expect(await rows()).toEqual(await folded());
    expect(await rows()).toHaveLength(3);
  });

  it('marks another\'s event from time to time, so that little is looked through again; one that nobody can read is none', async () => {
    await takeAll(['a']);
    await (await followed()).close();
    await foreign(3);
    const kernel = await open();
    kernel.startFollowers();
    await until('the view was told of the others', async () => (await room.engine.readModels.checkpoint(VIEW)) === position(4));
    expect(await room.engine.readModels.mark(VIEW)).toMatchObject({ stream: 'letter-0', position: position(2) });
    const unreadable = { readAll: () => Promise.reject(new Damaged('event 0 of letter-0 is damaged')) } as unknown as EventStore;
    expect(await markAfter(unreadable, null)).toBeUndefined();
  });
});

it('a mark is of one event at one place: the same event of a log that was copied together anew is another', async () => {
  await takeAll(['a']);
  const [event] = (await room.engine.eventStore.readAll(null, ['parcel-'], 1)).events;
  const mark = markOf(event!);
  expect(isMarked(mark, event)).toBe(true);
  for (const other of [undefined, { ...event!, position: '0000000000000009' }, { ...event!, id: 'other' }, { ...event!, metadata: { ...event!.metadata, at: '2030-01-01T00:00:00.001Z' } }]) expect(isMarked(mark, other)).toBe(false);
});

it('what was written before there were marks goes on at its checkpoint, and has its mark with the next batch', async () => {
  await takeAll(['a', 'b']);
  const { readModels, eventStore } = room.engine;
  await readModels.define({ name: VIEW, indexes: parcels.indexes });
  await readModels.apply(VIEW, [], (await eventStore.readAll(null, ['parcel-'], 1)).events[0]!.position);
  const kernel = await followed();
  expect(stopped(kernel)).toEqual([null, null]);
  expect(await rows()).toEqual((await folded()).slice(1));
  expect(await readModels.mark(VIEW)).toEqual({ position: (await eventStore.head())!, stream: 'parcel-b', revision: 0, id: expect.any(String), at: expect.any(String) });
});
