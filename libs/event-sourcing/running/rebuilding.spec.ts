import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AnyProjection } from '../projection.js';
import { parcel, parcels, SeeParcel, TakeParcel } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { projected } from '../testing/given.js';
import { systemClock } from './clock.js';
import type { Kernel } from './kernel.js';
import { collectionOf } from './projecting.js';
import { projectionAnew } from './rebuilding.js';

const IDS = ['r1', 'r2', 'r3', 'r4', 'r5'];
const view = (name: string): AnyProjection => ({ ...parcels, name }) as AnyProjection;

describe('a rebuild', () => {
  let room: Room;
  let kernel: Kernel;
  beforeAll(async () => {
    room = await Room.open();
    kernel = await room.kernel({ projections: [view('anew')], processes: [], clock: systemClock });
    for (const id of IDS) await kernel.commands.execute(parcel, new TakeParcel(id, { owner: 'o1', to: '+4915100000001' }, by('c')));
    for (const place of ['Here', 'There', 'Elsewhere']) for (const id of IDS) await kernel.commands.execute(parcel, new SeeParcel(id, { place }, by(place)));
  });
  afterAll(async () => { await kernel.close(); await room.close(); });

  const expected = async (p: AnyProjection): Promise<Map<string, unknown>> => projected(p as never, (await room.engine.eventStore.readAll(null, [], 1_000)).events);
  const stored = async (p: AnyProjection, ids: string[]): Promise<Map<string, unknown>> =>
    new Map([...await room.engine.readModels.getMany(collectionOf(p), ids)].map(([id, { row }]) => [id, row]));

  it.each([1, 2, 20_000])('makes the rows that the log says, with room for %d rows in memory and a page of one event', async (held) => {
    const p = view(`held-${held}`);
    const folding = await projectionAnew(p, room.engine.readModels, kernel.registry, held);
    for (const e of (await room.engine.eventStore.readAll(null, folding.prefixes, 1_000)).events) {
      await folding.fold([e]);
      await room.engine.readModels.apply(folding.collection, folding.take(), e.position);
    }
    const rows = await expected(p);
    expect(rows.size).toBeGreaterThanOrEqual(IDS.length);
    expect(await stored(p, [...rows.keys()])).toEqual(rows);
  });

  it('tells how far it is, leaves the checkpoint at its end, and appends nothing', async () => {
    const p = view('anew');
    const head = await room.engine.eventStore.head();
    const told: [number, string, string][] = [];
    const events = await kernel.rebuild('anew', (...at) => told.push(at));
    expect(told.at(-1)).toEqual([events, head, head]);
    expect(await room.engine.readModels.checkpoint(collectionOf(p))).toBe(head);
    expect(await room.engine.eventStore.head()).toBe(head);
    expect(await stored(p, IDS)).toEqual(new Map([...await expected(p)].filter(([id]) => IDS.includes(id))));
  });

  it('is refused for what is not there, and while it runs', async () => {
    await expect(kernel.rebuild('nope', () => undefined)).rejects.toMatchObject({ code: 'not_found' });
    const first = kernel.rebuild('anew', () => undefined);
    await expect(kernel.rebuild('anew', () => undefined)).rejects.toMatchObject({ code: 'conflict' });
    await first;
    await expect(kernel.rebuild('anew', () => undefined)).resolves.toBeGreaterThan(0);
  });
});
