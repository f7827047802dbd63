import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unavailable } from '../errors.js';
import { NO_STREAM } from '../event.js';
import type { AnyProjection } from '../projection.js';
import type { ReadModels } from '../ports/read-models.js';
import { LoseParcel, parcel, parcels, SeeParcel, TakeParcel, type ParcelRow } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { until } from '../testing/test-clock.js';
import { systemClock } from './clock.js';
import type { Kernel } from './kernel.js';
import { collectionOf, parkedOf, projecting } from './projecting.js';

let room: Room;
let writer: Kernel;
beforeAll(async () => { room = await Room.open(); writer = await room.kernel(); });
afterAll(() => room.close());

const taken = { owner: 'o1', to: '+4915100000001' };
let count = 0;
const fresh = (): string => `v${++count}`;
const take = (id: string) => writer.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
const see = (id: string, place: string) => writer.commands.execute(parcel, new SeeParcel(id, { place }, by(place)));

/** A view of its own under the example's fold. */
const view = (over: Partial<AnyProjection> = {}): AnyProjection => ({ ...parcels, name: `view-${++count}`, ...over }) as AnyProjection;
/** The views, with another way to write. */
const writing = (apply: ReadModels['apply']): ReadModels => {
  const v = room.engine.readModels;
  return {
    define: (c) => v.define(c), get: (...a) => v.get(...a), getMany: (...a) => v.getMany(...a), find: (...a) => v.find(...a), count: (...a) => v.count(...a),
    apply, checkpoint: (c) => v.checkpoint(c), mark: (c) => v.mark(c), drop: (c) => v.drop(c), collections: () => v.collections(),
  };
};
/** Follows until the head, then stops. */
async function follow(p: AnyProjection, views: ReadModels = room.engine.readModels): Promise<{ stopped: string | null; parked: number; kernel: Kernel }> {
  const engine = room.engine;
  room.engine = { ...engine, readModels: views };
  const kernel = await room.kernel({ projections: [p], processes: [], clock: systemClock });
  room.engine = engine;
  const head = (await engine.eventStore.head())!;
  kernel.startFollowers();
  const status = kernel.statuses.get(p.name)!;
  await until('the view is at the head', () => status.stopped !== null || (status.position ?? '') >= head);
  const parked = kernel.projectings.get(p.name)!.parked();
  await kernel.close();
  return { stopped: status.stopped, parked, kernel };
}
async function rebuild(p: AnyProjection): Promise<void> {
  const kernel = await room.kernel({ projections: [p], processes: [], clock: systemClock });
  await kernel.rebuild(p.name, () => {});
  await kernel.close();
}
async function rowsOf(p: AnyProjection, ids: string[]): Promise<(Partial<ParcelRow> | null | undefined)[]> {
  const found = await room.engine.readModels.getMany(collectionOf(p), ids);
  return ids.map((id) => { const r = found.get(id); return r ? (r.row as ParcelRow | null) : undefined; });
}

describe('a projection', () => {
  it('folds rows, leaves a tombstone where one is gone, and says how far it saw', async () => {
    const p = view(), [a, b] = [fresh(), fresh()];
    await take(a); await take(b); await see(a, 'port'); await writer.commands.execute(parcel, new LoseParcel(b, {}, by('l')));
    await follow(p);
    expect(await rowsOf(p, [a, b])).toMatchObject([{ status: 'waiting', seen: ['port'] }, null]);
    expect(await room.engine.readModels.get(collectionOf(p), b)).toBeNull();
    expect(await room.engine.readModels.checkpoint(collectionOf(p))).toBe(await room.engine.eventStore.head());
  });

  it('takes each event once, however often it is delivered: from the start, from any checkpoint, by two at once', async () => {
    const p = view(), id = fresh();
    await take(id);
    for (const place of ['1', '2', '3', '4']) await see(id, place);
    await follow(p);
    const { eventStore, readModels } = room.engine;
    const batch = await eventStore.readAll(null, ['parcel-'], 1000);
    for (const events of [batch.events, batch.events.slice(2), batch.events.toReversed().slice(0, 1)]) {
      const again = projecting(p, eventStore, readModels, writer.registry);
      await again.start();
      await again.handle({ events, position: batch.position });
    }
    expect(await rowsOf(p, [id])).toMatchObject([{ seen: ['1', '2', '3', '4'] }]);
    const q = view();
    const two = [1, 2].map(() => projecting(q, eventStore, readModels, writer.registry, 2));
    for (const f of two) await f.start();
    for (let i = 0; i < batch.events.length; i += 3) {
      const part = { events: batch.events.slice(i, i + 3), position: batch.events[Math.min(i + 2, batch.events.length - 1)]!.position };
      await Promise.all(two.map((f) => f.handle(part)));
    }
    expect(await rowsOf(q, [id])).toEqual(await rowsOf(p, [id]));
  });

  it('whose rows were written and whose checkpoint was lost goes on without a gap or a double', async () => {
    const p = view(), id = fresh();
    await take(id); await see(id, '1');
    const views = room.engine.readModels;
    expect((await follow(p, writing((c, rows) => views.apply(c, rows, null)))).stopped).toBeNull();
    expect(await rowsOf(p, [id])).toMatchObject([{ seen: ['1'] }]);
    expect(await room.engine.readModels.checkpoint(collectionOf(p))).toBeNull();
    await see(id, '2');
    await follow(p);
    expect(await rowsOf(p, [id])).toMatchObject([{ seen: ['1', '2'] }]);
  });
});

describe('a fold that throws', () => {
  it('parks its row with position and reason; the others go on; a rebuild with a better fold mends it', async () => {
    const p = view(), [a, b] = [fresh(), fresh()];
    await take(a); await take(b); await see(a, 'port');
    const { position } = await see(a, 'cliff');
    await see(a, 'home'); await see(b, 'home');
    expect(await follow(p)).toMatchObject({ stopped: null, parked: 1 });
    expect(await rowsOf(p, [a, b])).toMatchObject([{ seen: ['port'] }, { seen: ['home'] }]);
    expect(await room.engine.readModels.get(parkedOf(p), a)).toEqual({ id: a, position, row: { position, reason: 'fell off the cliff' } });
    await see(a, 'again'); await see(b, 'again');
    expect(await follow(p)).toMatchObject({ parked: 1 }); // remembered over a restart
    expect(await rowsOf(p, [a, b])).toMatchObject([{ seen: ['port'] }, { seen: ['home', 'again'] }]);
    const mended = { ...p, fold: ((row, e, id) => (e.data.place === 'cliff' ? row : parcels.fold(row as never, e as never, id))) as AnyProjection['fold'] };
    await rebuild(mended);
    expect(await rowsOf(p, [a, b])).toMatchObject([{ seen: ['port', 'home', 'again'] }, { seen: ['home', 'again'] }]);
    expect(await follow(mended)).toMatchObject({ stopped: null, parked: 0 });
  });

  it('is parked again when it could not be written down the first time', async () => {
    const id = fresh(), p = view({ keys: (e) => (e.stream === `parcel-${id}` ? [id] : []) });
    await take(id); await see(id, 'cliff');
    const views = room.engine.readModels;
    let failures = 1;
    const dying = writing((c, rows, checkpoint) => (c === parkedOf(p) && failures-- > 0 ? Promise.reject(new Unavailable('the views')) : views.apply(c, rows, checkpoint)));
    expect(await follow(p, dying)).toMatchObject({ stopped: null, parked: 1 });
    expect(failures).toBeLessThan(0);
    expect(await room.engine.readModels.get(parkedOf(p), id)).toMatchObject({ row: { reason: 'fell off the cliff' } });
  });

  it('or does not end is parked within five seconds, and the others go on', async () => {
    const [a, b, c] = [fresh(), fresh(), fresh()];
    const p = view({
      keys: (e) => [a, b, c].filter((id) => e.stream === `parcel-${id}`),
      fold: ((row, e, id) => { while (e.data.place === 'maze') { try { performance.now(); } catch { continue; } } return parcels.fold(row as never, e as never, id); }) as AnyProjection['fold'],
    });
    for (const id of [a, b, c]) await take(id);
    await see(b, 'port');
    const { position } = await see(b, 'maze');
    await see(c, 'home');
    const { eventStore, readModels } = room.engine;
    const follower = projecting(p, eventStore, readModels, writer.registry, 100, 40);
    const batch = await eventStore.readAll(await follower.start(), follower.prefixes, 1_000);
    const began = performance.now();
    await follower.handle(batch);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await rowsOf(p, [a, b, c])).toMatchObject([{ status: 'waiting' }, { seen: ['port'] }, { seen: ['home'] }]);
    expect(await readModels.get(parkedOf(p), b)).toMatchObject({ row: { position, reason: 'did not end within 40 ms' } });
    expect(await readModels.checkpoint(collectionOf(p))).toBe(batch.position);
  });

  it('runs out of time once, for want of a processor, is folded all the same', async () => {
    const id = fresh();
    let stalls = 1;
    const p = view({ keys: (e) => (e.stream === `parcel-${id}` ? [id] : []), fold: ((row, e, i) => { for (const end = performance.now() + (e.data.place === 'bog' && stalls-- > 0 ? 300 : 0); performance.now() < end;); return parcels.fold(row as never, e as never, i); }) as AnyProjection['fold'] });
    await take(id); await see(id, 'bog'); await see(id, 'home');
    const follower = projecting(p, room.engine.eventStore, room.engine.readModels, writer.registry, 100, 100);
    await follower.start();
    await follower.handle(await room.engine.eventStore.readAll(null, follower.prefixes, 1_000));
    expect([follower.parked(), (await rowsOf(p, [id]))[0]!.seen]).toEqual([0, ['bog', 'home']]);
    expect(stalls).toBeLessThan(0);
  });

  it('is remembered for more rows than a page holds', async () => {
    const p = view({ fold: (() => { throw new Error('never'); }) as never, keys: () => Array.from({ length: 1_500 }, (_, i) => `row${i}`) });
    await take(fresh());
    await follow(p);
    expect((await follow(p)).parked).toBe(1_500);
  });
});

describe('a view stops', () => {
  it('at an event that this program does not know, and names it; nothing beyond is shown', async () => {
    const p = view({ follows: ['parcelx'] });
    const metadata = { correlationId: 'c', causationId: 'c', principal: 'p', at: '' };
    for (const [type, version] of [['ParcelExploded', 1], ['ParcelSeen', 99]] as const) {
      const stream = `parcelx-${type}`, q = { ...p, name: `${p.name}-${type}` };
      await room.engine.eventStore.append(stream, NO_STREAM, [{ id: stream, type, version, data: {}, tags: { owner: 'o' }, metadata }]);
      const first = (await room.engine.eventStore.readAll(null, ['parcelx-'], 1)).events[0]!;
      const { stopped } = await follow(q);
      expect(stopped).toContain(`event ${first.type} version ${first.version} at position ${first.position} is not known`);
      expect(await room.engine.readModels.checkpoint(collectionOf(q))).toBeNull();
    }
  });

  it('before it begins when its checkpoint lies ahead of the log, and says what to do', async () => {
    const p = view();
    await follow(p);
    await room.engine.readModels.apply(collectionOf(p), [], '9999999999999999');
    expect((await follow(p)).stopped).toBe(`the checkpoint of ${p.name} lies ahead of the log (a restored backup?): run \`npx heliograph projections rebuild ${p.name}\``);
    await rebuild(p);
    expect((await follow(p)).stopped).toBeNull();
  });
});
