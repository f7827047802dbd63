import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dice, FaultEventStore } from '#libs/engines/fault/fault-event-store';
import { Refusal, Unavailable, VersionConflict } from '../errors.js';
import { NO_STREAM } from '../event.js';
import type { Appended, EventStore } from '../ports/event-store.js';
import { EndTour, LoseParcel, parcel, SeeParcel, StartTour, TakeParcel, type Parcel } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { TestClock } from '../testing/test-clock.js';
import { derivedId } from './commands.js';

let room: Room;
beforeAll(async () => { room = await Room.open(); });
afterAll(() => room.close());

const taken = { owner: 'o1', to: '+4915100000001' };
let count = 0;
const fresh = (): string => `p${++count}`;
const typesOf = async (id: string): Promise<string[]> => (await room.engine.eventStore.read(`parcel-${id}`, 0, 1000)).map((e) => e.type);

/** The engine's store, with the calls counted and whatever a spec wants done first. */
function watched(before: Partial<{ read(): void; append(): Promise<void> }> = {}): EventStore & { calls: { read: number; append: number } } {
  const s = room.engine.eventStore, calls = { read: 0, append: 0 };
  return {
    calls,
    async append(...a): Promise<Appended> { calls.append++; await before.append?.(); return s.append(...a); },
    appendMany: (e) => s.appendMany(e),
    read: (...a) => { calls.read++; before.read?.(); return s.read(...a); },
    last: (x) => s.last(x), readAll: (...a) => s.readAll(...a), subscribe: (...a) => s.subscribe(...a), head: () => s.head(),
  };
}

describe('a command', () => {
  it('is decided, sealed, tagged and appended, and answers position, revision, state and events', async () => {
    const { commands } = await room.kernel();
    const id = fresh();
    const done = await commands.execute<Parcel>(parcel, new TakeParcel(id, taken, by('c1', { traceparent: '00-a-b-01' })));
    const [stored] = await room.engine.eventStore.read(`parcel-${id}`, 0, 10);
    expect(done).toMatchObject({ position: stored!.position, revision: 0, state: { status: 'waiting', owner: 'o1' }, events: [{ type: 'ParcelTaken', data: stored!.data }] });
    expect(stored).toMatchObject({
      id: derivedId(`someone|c1|parcel-${id}|0|ParcelTaken`), version: 1, tags: { owner: 'o1', acceptedAt: '2030-01-01T00:00:00.000Z', subjects: [expect.stringMatching(/^sub_/)] },
      metadata: { principal: 'someone', correlationId: 'c1', causationId: 'c1', traceparent: '00-a-b-01', at: '2030-01-01T00:00:00.000Z' },
    });
    expect(JSON.stringify(stored)).not.toContain(taken.to);
  });

  it('that has nothing to do appends nothing and answers no position', async () => {
    const { commands } = await room.kernel();
    const id = fresh();
    await commands.execute(parcel, new TakeParcel(id, taken, by('c')));
    expect(await commands.execute(parcel, new TakeParcel(id, taken, by('d')))).toMatchObject({ position: null, revision: 0, events: [] });
    expect(await typesOf(id)).toEqual(['ParcelTaken']);
  });

  it('that lost a race is decided again, on what is there now', async () => {
    const [other, mine] = [await room.kernel(), await room.kernel()];
    const id = fresh();
    await other.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
    await mine.states.load(parcel, `parcel-${id}`);
    await other.commands.execute(parcel, new SeeParcel(id, { place: 'north' }, by('x')));
    const done = await mine.commands.execute<Parcel>(parcel, new SeeParcel(id, { place: 'south' }, by('y')));
    expect(done).toMatchObject({ revision: 2, state: { seen: 2 } });
    await other.commands.execute(parcel, new LoseParcel(id, {}, by('z')));
    expect(await mine.commands.execute(parcel, new LoseParcel(id, {}, by('w')))).toMatchObject({ position: null, state: { status: 'lost' } });
    expect(await typesOf(id)).toEqual(['ParcelTaken', 'ParcelSeen', 'ParcelSeen', 'ParcelLost']);
  });

  it('that is refused, or has nothing to do, on what is remembered is decided again on what is stored', async () => {
    const [other, mine] = [await room.kernel(), await room.kernel()];
    const id = fresh();
    await mine.commands.execute(parcel, new TakeParcel(id, { owner: 'o', to: '+4915100000001' }, by('t')));
    // elsewhere its tour was begun: here, from memory, ending it would be refused
    await other.commands.execute(parcel, new StartTour(id, { n: 1 }, by('s')));
    await mine.commands.execute(parcel, new EndTour(id, { n: 1, good: true }, by('e')));
    expect(await typesOf(id)).toEqual(['ParcelTaken', 'TourStarted', 'TourEnded']);
    // a refusal of what is stored stays one
    await expect(mine.commands.execute(parcel, new StartTour(id, { n: 7 }, by('x')))).rejects.toThrow(Refusal);
  });

  it('that loses every race gives up after eight tries, and says so', async () => {
    const id = fresh();
    let n = 0;
    const store = watched({ append: async () => { await room.engine.eventStore.append(`parcel-${id}`, n - 1, [{ id: `other-${id}-${n++}`, type: 'ParcelSeen', version: 1, data: { place: 'x' }, tags: { owner: '' }, metadata: by('q') as never }]); } });
    const { commands } = await room.kernel({ store });
    await expect(commands.execute(parcel, new SeeParcel(id, { place: 'mine' }, by('c')))).rejects.toThrow(VersionConflict);
    expect(store.calls.append).toBe(8);
    expect(await typesOf(id)).toHaveLength(8);
  });

  it('that creates reads nothing before it appends, and reads when something is there', async () => {
    const store = watched();
    const { commands } = await room.kernel({ store });
    const id = fresh();
    await commands.execute(parcel, new TakeParcel(id, taken, by('c', { creates: true })));
    expect(store.calls).toEqual({ read: 0, append: 1 });
    expect(await commands.execute(parcel, new TakeParcel(id, taken, by('another', { creates: true })))).toMatchObject({ position: null, state: { status: 'waiting' } });
    expect(store.calls).toEqual({ read: 1, append: 2 });
  });

  it('has the decider\'s no passed on as it is, and nothing appended', async () => {
    const { commands } = await room.kernel();
    const id = fresh();
    await expect(commands.execute(parcel, new StartTour(id, { n: 1 }, by('c')))).rejects.toThrow(Refusal);
    expect(await typesOf(id)).toEqual([]);
  });
});

describe('a claim', () => {
  it.each([true, false])('made twice at once is won by one, the other is refused (one process: %s)', async (same) => {
    const first = await room.kernel();
    const second = same ? first : await room.kernel();
    for (let i = 0; i < 20; i++) {
      const id = fresh();
      await first.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
      const claim = () => new StartTour(id, { n: 1 }, by('the same job', { exclusive: true }));
      const both = await Promise.allSettled([first.commands.execute(parcel, claim()), second.commands.execute(parcel, claim())]);
      expect(both.map((b) => b.status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect((both.find((b) => b.status === 'rejected') as PromiseRejectedResult).reason).toBeInstanceOf(Refusal);
      expect(await typesOf(id)).toEqual(['ParcelTaken', 'TourStarted']);
    }
  });

  it('without `exclusive` would be answered "yes" twice: the control', async () => {
    const [first, second] = [await room.kernel(), await room.kernel()];
    const id = fresh();
    await first.commands.execute(parcel, new TakeParcel(id, taken, by('c')));
    await second.states.load(parcel, `parcel-${id}`);
    const claim = () => new StartTour(id, { n: 1 }, by('the same job'));
    await first.commands.execute(parcel, claim());
    expect(await second.commands.execute(parcel, claim())).toMatchObject({ revision: 1 });
    expect(await typesOf(id)).toEqual(['ParcelTaken', 'TourStarted']);
  });
});

describe('a command whose answer was lost', () => {
  it('is once, however often it is tried, and its state is the stored one', async () => {
    const clock = new TestClock();
    const faults = new FaultEventStore(room.engine.eventStore, { random: dice(11), unanswered: 0.4, lost: 0.2 });
    const { commands, states } = await room.kernel({ store: faults, clock });
    const told: string[] = [];
    commands.onAppend((stream, _principal, position) => { told.push(`${stream} ${position}`); });
    for (let i = 0; i < 30; i++) {
      const id = fresh();
      const steps = [new TakeParcel(id, taken, by('c', { creates: true })), new SeeParcel(id, { place: 'a' }, by('d')), new LoseParcel(id, {}, by('e'))];
      for (const command of steps) {
        for (;;) {
          clock.step(1000);
          try { await commands.execute(parcel, command); break; } catch (error) { expect(error).toBeInstanceOf(Unavailable); }
        }
      }
      expect(await typesOf(id)).toEqual(['ParcelTaken', 'ParcelSeen', 'ParcelLost']);
      const cached = states.peek(`parcel-${id}`)!;
      const other = await room.kernel();
      expect(cached).toMatchObject(await other.states.read(parcel, `parcel-${id}`));
    }
    expect(faults.count.unanswered).toBeGreaterThan(10);
    expect(told.length).toBeGreaterThanOrEqual(60);
  });
});

describe('many streams at once', () => {
  it('are made in one flush; made again after a crash half-way they are the same ones', async () => {
    const ids = Array.from({ length: 40 }, fresh);
    const making = () => ids.map((id) => new TakeParcel(id, taken, by(`run.${id}`)));
    const faults = new FaultEventStore(room.engine.eventStore, { random: dice(5), cut: 1 });
    const first = await room.kernel({ store: faults });
    await expect(first.commands.createMany(parcel, making())).rejects.toThrow(Unavailable);
    const later = new TestClock('2031-06-01T00:00:00.000Z');
    const second = await room.kernel({ clock: later });
    await second.commands.createMany(parcel, making());
    await second.commands.createMany(parcel, making());
    const years = new Set<string>();
    for (const id of ids) {
      expect(await typesOf(id)).toEqual(['ParcelTaken']);
      const { state } = await second.states.load(parcel, `parcel-${id}`);
      const stored = (await room.engine.eventStore.last(`parcel-${id}`))!;
      expect((state as Parcel).takenAt).toBe(stored.tags.acceptedAt);
      years.add((state as Parcel).takenAt.slice(0, 4));
    }
    expect([...years].toSorted()).toEqual(['2030', '2031']);
  });

  it('leave a stream alone that somebody else made', async () => {
    const { commands } = await room.kernel();
    const [id, other] = [fresh(), fresh()];
    await commands.execute(parcel, new TakeParcel(id, { ...taken, owner: 'first' }, by('c')));
    await commands.execute(parcel, new EndTour(id, { n: 1, good: true }, by('c')));
    await commands.createMany(parcel, [new TakeParcel(id, taken, by('r1')), new TakeParcel(other, taken, by('r2'))]);
    expect((await room.engine.eventStore.last(`parcel-${id}`))!.tags.owner).toBe('first');
    expect((await commands.execute<Parcel>(parcel, new LoseParcel(id, {}, by('d')))).revision).toBe(1);
    expect((await room.engine.eventStore.last(`parcel-${other}`))!.revision).toBe(0);
  });
});

describe('derivedId', () => {
  it('is a UUID of version 8, and the same for the same text for ever', () => {
    expect(derivedId('someone|c1|parcel-p1|0|ParcelTaken')).toBe(derivedId('someone|c1|parcel-p1|0|ParcelTaken'));
    expect(derivedId('a')).toBe('ca978112-ca1b-8dca-bac2-31b39a23dc4d');
    const ids = Array.from({ length: 2000 }, (_, i) => derivedId(`text ${i + NO_STREAM}`));
    expect(new Set(ids).size).toBe(2000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
