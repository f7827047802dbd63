import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unavailable } from '../errors.js';
import type { StoredEvent } from '../event.js';
import type { EventStore } from '../ports/event-store.js';
import { bound, reaction, type BoundReaction, type Reaction } from '../reaction.js';
import { LoseParcel, parcel, SeeParcel, TakeParcel, type ParcelEvents, type ParcelRow } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { until } from '../testing/test-clock.js';
import { systemClock } from './clock.js';
import type { Kernel } from './kernel.js';

let room: Room;
beforeAll(async () => { room = await Room.open(); });
afterAll(() => room.close());

const taken = { owner: 'o1', to: '+4915100000001' };
let count = 0;
const name = (): string => `r${++count}`;

/** Each parcel that is seen at `from` makes a new one for the return, once. */
const returns = (from: string): Reaction<ParcelEvents> => reaction<ParcelEvents>({
  name: `returns-${from}`,
  follows: ['parcel'],
  react: (e) => (e.type === 'ParcelSeen' && e.data.place === from ? [{ of: parcel, command: TakeParcel, id: `back_${e.id}`, data: { ...taken, owner: from }, creates: true }] : []),
});

const run = async (b: BoundReaction, store?: EventStore): Promise<Kernel> => {
  const kernel = await room.kernel({ reactions: [b], clock: systemClock, processes: [], ...(store ? { store } : {}) });
  kernel.startFollowers();
  await until('the reaction runs', () => kernel.statuses.get(b.reaction.name)!.heardAt > 0 || kernel.statuses.get(b.reaction.name)!.stopped !== null);
  return kernel;
};
const positions = async (r: string): Promise<unknown[]> => (await room.engine.eventStore.read(`reaction-${r}`, 0, 100)).map((e) => e.data);
const madeBy = async (owner: string): Promise<StoredEvent[]> => (await room.engine.eventStore.readAll(null, ['parcel-back_'], 1000)).events.filter((e) => e.tags.owner === owner);
const see = (k: Kernel, id: string, place: string, cause = name()) => k.commands.execute(parcel, new SeeParcel(id, { place }, by(cause, { traceparent: '00-trace' })));

describe('a reaction', () => {
  it('starts at the head where it was first deployed, and writes that down', async () => {
    const place = name();
    const k = await room.kernel();
    await see(k, 'early', place);
    const head = await room.engine.eventStore.head();
    const kernel = await run(bound(returns(place), null));
    expect(await room.engine.eventStore.read(`reaction-returns-${place}`, 0, 10)).toMatchObject([{ type: 'ReactionReached', version: 1, data: { position: head }, tags: { owner: `system:returns-${place}` } }]);
    await see(kernel, 'late', place, 'a late cause');
    await until('it acted', async () => (await madeBy(place)).length > 0);
    const [made, ...more] = await madeBy(place);
    expect(more).toEqual([]);
    const cause = (await room.engine.eventStore.last('parcel-late'))!;
    expect(made).toMatchObject({ stream: `parcel-back_${cause.id}`, metadata: { principal: `system:returns-${place}`, causationId: cause.id, correlationId: 'a late cause', traceparent: '00-trace' } });
  });

  it('goes on after a restart where it was, and no loss of views makes it act again', async () => {
    const place = name(), stream = `returns-${place}`;
    let kernel = await run(bound(returns(place), null));
    for (const id of ['a', 'b', 'c']) await see(kernel, id, place);
    await until('all three', async () => (await madeBy(place)).length === 3);
    const last = (await room.engine.eventStore.last('parcel-c'))!.position;
    await until('its position is written', async () => ((await positions(stream)).at(-1) as { position: string }).position >= last);
    await room.reopen();
    for (const { name: view } of await room.engine.readModels.collections()) await room.engine.readModels.drop(view);
    const before = await room.engine.eventStore.head();
    kernel = await run(bound(returns(place), null));
    await until('all is seen', () => (kernel.statuses.get(stream)!.position ?? '') >= before!);
    expect(kernel.reactings.get(stream)!.given().commands).toBe(0);
    expect(await madeBy(place)).toHaveLength(3);
  });

  it('does once what it does twice: a crash between the commands and the position', async () => {
    const place = name(), stream = `reaction-returns-${place}`;
    const s = room.engine.eventStore;
    let crashes = 0;
    const dying: EventStore = {
      append: (to, at, events) => (to === stream && at >= 0 && crashes++ < 3 ? Promise.reject(new Unavailable('the log')) : s.append(to, at, events)),
      appendMany: (e) => s.appendMany(e), read: (...a) => s.read(...a), last: (x) => s.last(x), readAll: (...a) => s.readAll(...a), subscribe: (...a) => s.subscribe(...a), head: () => s.head(),
    };
    const kernel = await run(bound(returns(place), null), dying);
    await see(kernel, 'x', place);
    await until('the position is written in the end', async () => (await positions(`returns-${place}`)).length === 2);
    expect(crashes).toBe(4);
    expect(kernel.reactings.get(`returns-${place}`)!.given().commands).toBe(4);
    expect(await madeBy(place)).toHaveLength(1);
  });

  it('run by two at once does everything once', async () => {
    const place = name();
    const [one, two] = [await run(bound(returns(place), null)), await run(bound(returns(place), null))];
    for (let i = 0; i < 20; i++) await see(one, `twice-${place}-${i}`, place);
    const head = (await room.engine.eventStore.last(`parcel-twice-${place}-19`))!.position;
    for (const k of [one, two]) await until('both are through', () => (k.statuses.get(`returns-${place}`)!.position ?? '') >= head);
    expect(await madeBy(place)).toHaveLength(20);
    expect([one, two].map((k) => k.statuses.get(`returns-${place}`)!.stopped)).toEqual([null, null]);
    const reached = (await positions(`returns-${place}`) as { position: string }[]).map((p) => p.position);
    expect(reached).toEqual(reached.toSorted());
    expect(reached.at(-1)! >= head).toBe(true);
  });

  it('asks a view only once that has seen the event', async () => {
    const found: (string | null)[] = [];
    interface Views { statusOf(id: string): Promise<string | null> }
    const asking = reaction<ParcelEvents, Views>({
      name: `asking-${name()}`, follows: ['parcel'], asks: ['parcels'],
      async react(e, views) {
        if (e.type === 'ParcelTaken') found.push(await views.statusOf(e.stream.slice('parcel-'.length)));
        return [];
      },
    });
    const kernel = await run(bound(asking, { statusOf: async (id) => (await room.engine.readModels.get<ParcelRow>('parcels@1', id))?.row.status ?? null }));
    for (let i = 0; i < 10; i++) await kernel.commands.execute(parcel, new TakeParcel(name(), taken, by(`asked${i}`)));
    await until('it asked', () => found.length === 10);
    expect(found).toEqual(Array<string>(10).fill('waiting'));
  });

  it('takes a refusal for an answer, and gives the commands of one stream in order', async () => {
    const place = name();
    const strict = reaction<ParcelEvents>({
      name: `strict-${place}`, follows: ['parcel'],
      react: (e) => (e.type === 'ParcelSeen' && e.data.place.startsWith(place)
        ? [{ of: parcel, command: SeeParcel, id: `diary-${place}`, data: { place: `noted ${e.data.place}` } }, { of: parcel, command: parcel.commands.StartTour, id: `nothing-${place}`, data: { n: 1 } }] : []),
    });
    const kernel = await run(bound(strict, null));
    for (let i = 0; i < 12; i++) await see(kernel, `walk-${place}`, `${place}.${i}`);
    await until('all noted', () => kernel.reactings.get(strict.name)!.given().commands >= 24);
    await until('and refused', () => kernel.reactings.get(strict.name)!.given().refused === 12);
    const notes = async (): Promise<string[]> => (await room.engine.eventStore.read(`parcel-diary-${place}`, 0, 50)).map((e) => (e.data as { place: string }).place);
    await until('the last note', async () => (await notes()).length >= 12);
    expect(await notes()).toEqual(Array.from({ length: 12 }, (_, i) => `noted ${place}.${i}`));
    expect(kernel.statuses.get(strict.name)!.stopped).toBeNull();
  });

  it('stops, and says why, when it throws', async () => {
    const broken = reaction<ParcelEvents>({ name: `broken-${name()}`, follows: ['parcel'], react: () => { throw new Error('cannot react to that'); } });
    const kernel = await run(bound(broken, null));
    await kernel.commands.execute(parcel, new LoseParcel(name(), {}, by('c')));
    await until('it stopped', () => kernel.statuses.get(broken.name)!.stopped !== null);
    expect(kernel.statuses.get(broken.name)!.stopped).toBe('cannot react to that');
  });
});
