import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unavailable } from '../errors.js';
import type { EventStore } from '../ports/event-store.js';
import { LoseParcel, parcel, parcels, SeeParcel, TakeParcel, type ParcelRow } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { settle, TestClock, until } from '../testing/test-clock.js';
import { systemClock } from './clock.js';
import { liveView, type LiveListener } from './live-state.js';

let room: Room;
beforeAll(async () => { room = await Room.open(); });
afterAll(() => room.close());

let count = 0;
const fresh = (): string => `l${++count}`;
const taken = { owner: 'o1', to: '+4915100000001' };

/** A log whose batches are handed over by the spec. */
function heard() {
  const s = room.engine.eventStore;
  let give = Promise.withResolvers<string | Error>();
  const store: EventStore = {
    append: (...a) => s.append(...a), appendMany: (e) => s.appendMany(e), read: (...a) => s.read(...a), last: (x) => s.last(x), readAll: (...a) => s.readAll(...a), head: () => s.head(),
    async *subscribe(after, prefixes, signal) {
      let at = after;
      while (!signal.aborted) {
        const aborted = new Promise<null>((resolve) => { signal.addEventListener('abort', () => resolve(null), { once: true }); });
        const what = await Promise.race([give.promise, aborted]);
        if (what === null) return;
        give = Promise.withResolvers();
        if (what instanceof Error) throw what;
        const batch = await s.readAll(at, prefixes, 100);
        at = batch.position;
        yield batch;
      }
    },
  };
  return { store, say: async (what: string | Error) => { give.resolve(what); await settle(); } };
}

describe('live state', () => {
  it('hears what is appended from the start on, in order, of its streams only', async () => {
    const writer = await room.kernel();
    await writer.commands.execute(parcel, new TakeParcel('before', taken, by('c')));
    const got: string[] = [];
    const listener: LiveListener = { prefixes: ['parcel-x'], onEvent: (e) => { got.push(`${e.stream} ${e.type}`); } };
    const kernel = await room.kernel({ live: [listener], clock: systemClock });
    await kernel.startLive();
    for (const id of ['x1', 'y1', 'x2']) await writer.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
    await writer.commands.execute(parcel, new LoseParcel('x1', {}, by('d')));
    await until('all came', () => got.length === 3);
    expect(got).toEqual(['parcel-x1 ParcelTaken', 'parcel-x2 ParcelTaken', 'parcel-x1 ParcelLost']);
  });

  it('begins with the rows of a view and is at the head once it is ready, however far behind the view is', async () => {
    const writer = await room.kernel({ clock: systemClock });
    const [a, b, c] = [fresh(), fresh(), fresh()];
    for (const id of [a, b]) await writer.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
    writer.startFollowers();
    const head = (await room.engine.eventStore.head())!;
    await until('the view has both', () => (writer.statuses.get('parcels')!.position ?? '') >= head);
    await writer.close();
    for (const command of [new TakeParcel(c, taken, by('c')), new SeeParcel(a, { place: 'port' }, by('c')), new LoseParcel(b, {}, by('c'))]) await writer.commands.execute(parcel, command);
    const changes: [string, ParcelRow | null][] = [];
    const view = liveView(parcels, (id, row) => changes.push([id, row]));
    const kernel = await room.kernel({ live: [view], clock: systemClock });
    await kernel.startLive();
    expect([a, b, c].map((id) => view.get(id)?.seen ?? null)).toEqual([['port'], null, []]);
    expect(view.all().has(b)).toBe(false);
    expect(changes.map(([id]) => id).toSorted()).toEqual([a, b, c].toSorted());
    await writer.commands.execute(parcel, new SeeParcel(c, { place: 'home' }, by('d')));
    await until('it hears on', () => view.get(c)?.seen.length === 1);
  });

  it('is stale when nothing was heard for five seconds, and fresh again at the next word, even an empty one', async () => {
    const clock = new TestClock(), log = heard();
    const kernel = await room.kernel({ live: [], store: log.store, clock });
    expect(kernel.live.fresh()).toBe(false);
    await kernel.startLive();
    expect(kernel.live.fresh()).toBe(true);
    await clock.advance(5_000);
    expect(kernel.live.fresh()).toBe(true);
    await clock.advance(1);
    expect([kernel.live.fresh(), kernel.live.heardWithin(6_000)]).toEqual([false, true]);
    clock.step(-3_600_000); // the wall clock has no say
    await log.say('nothing new');
    expect(kernel.live.fresh()).toBe(true);
  });

  it('goes on where it was after the log was away, and misses nothing of that time', async () => {
    const clock = new TestClock(), log = heard(), got: string[] = [];
    const id = fresh();
    const kernel = await room.kernel({ live: [{ prefixes: [`parcel-${id}`], onEvent: (e) => { got.push(e.type); } }], store: log.store, clock });
    await kernel.startLive();
    const writer = await room.kernel();
    await writer.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
    await log.say('read');
    await until('the first came', () => got.length === 1);
    await log.say(new Unavailable('the log'));
    await clock.advance(50);
    await writer.commands.execute(parcel, new LoseParcel(id, {}, by('d')));
    await clock.advance(100);
    await log.say('read');
    await until('the second came', () => got.length === 2);
    expect(got).toEqual(['ParcelTaken', 'ParcelLost']);
  });

  it('after a silence is fresh once it has heard all that was said meanwhile, not at the first word', async () => {
    const clock = new TestClock();
    const log = heard();
    const id = fresh(), writer = await room.kernel();
    let heardOf = 0;
    const kernel = await room.kernel({ store: log.store, clock, live: [{ prefixes: [`parcel-${id}`], onEvent: () => { heardOf++; } }] });
    await kernel.startLive();
    await log.say('read');
    expect(kernel.live.fresh()).toBe(true);
    await writer.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
    for (let i = 0; i < 149; i++) await writer.commands.execute(parcel, new SeeParcel(id, { place: 'x' }, by(`s${i}`)));
    await clock.advance(5_001);
    expect(kernel.live.fresh()).toBe(false);
    await log.say('read');
    await until('the first words', () => heardOf > 0);
    expect([heardOf, kernel.live.fresh()]).toEqual([100, false]);
    await log.say('read');
    await until('the last word', () => heardOf === 150);
    expect(kernel.live.fresh()).toBe(true);
  });

  it('is not fresh, and does not start, with an event that it does not understand', async () => {
    const id = fresh();
    const kernel = await room.kernel({ live: [{ prefixes: [`parcel-${id}`], onEvent: () => {} }], clock: systemClock });
    await kernel.startLive();
    await room.engine.eventStore.append(`parcel-${id}`, -1, [{ id: `e-${id}`, type: 'ParcelExploded', version: 1, data: {}, tags: { owner: 'o' }, metadata: { ...by('c'), at: '' } }]);
    await until('it stopped', () => kernel.statuses.get('live')!.stopped !== null);
    expect(kernel.live.fresh()).toBe(false);
    expect(kernel.statuses.get('live')!.stopped).toContain('ParcelExploded version 1');
    const behind = liveView({ ...parcels, name: 'behind', follows: ['parcel'] });
    const next = await room.kernel({ live: [behind], clock: systemClock });
    await expect(next.startLive()).rejects.toThrow('ParcelExploded version 1');
  });
});
