import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AnyDecider } from '../decider.js';
import { UnknownEvent } from '../errors.js';
import { NO_STREAM, type NewEvent } from '../event.js';
import type { EventStore } from '../ports/event-store.js';
import type { Mark, ReadModels } from '../ports/read-models.js';
import { parcel, SeeParcel, type Parcel } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import type { Kernel } from './kernel.js';

let room: Room;
beforeAll(async () => { room = await Room.open(); });
afterAll(() => room.close());

const SNAPSHOTS = 'snapshot_parcel@1';
type Snapshot = { state: string; mark: Mark; sum: string };
let count = 0;
const fresh = (): string => `parcel-s${++count}`;
const seen = (stream: string, n: number, from = 0): NewEvent[] => Array.from({ length: n }, (_, i) => ({
  id: `${stream}.${from + i}`, type: 'ParcelSeen', version: 1, data: { place: `${from + i}` }, tags: { owner: 'o' }, metadata: { correlationId: 'c', causationId: 'c', principal: 'p', at: '2030-01-01T00:00:00.000Z' },
}));
async function long(n: number): Promise<string> {
  const stream = fresh();
  for (let i = 0; i < n; i += 500) await room.engine.eventStore.append(stream, i - 1, seen(stream, Math.min(500, n - i), i));
  return stream;
}

/** As whoever can write the views' file would: the row is another, its place the same. */
async function putInPlace(stream: string, position: string, row: unknown): Promise<void> {
  const { readModels } = room.engine;
  await readModels.drop(SNAPSHOTS);
  await readModels.define({ name: SNAPSHOTS, indexes: {} });
  await readModels.apply(SNAPSHOTS, [{ id: stream, position, row: row as never }], null);
}

/** A kernel whose reads are counted, in events. */
async function counted(over: Parameters<Room['kernel']>[0] = {}): Promise<{ kernel: Kernel; reads: { calls: number; events: number } }> {
  const s = room.engine.eventStore, reads = { calls: 0, events: 0 };
  const store: EventStore = {
    append: (...a) => s.append(...a), appendMany: (e) => s.appendMany(e), last: (x) => s.last(x), readAll: (...a) => s.readAll(...a), subscribe: (...a) => s.subscribe(...a), head: () => s.head(),
    read: async (...a) => { const events = await s.read(...a); reads.calls++; reads.events += events.length; return events; },
  };
  return { kernel: await room.kernel({ ...over, store }), reads };
}
const snapshotOf = async (stream: string) => (await room.engine.readModels.get<Snapshot>(SNAPSHOTS, stream))!;

describe('the cache of states', () => {
  it('never goes back: a late reader does not replace a newer state', async () => {
    const { states } = await room.kernel();
    const stream = fresh();
    const at = (revision: number) => ({ state: { revision }, revision, snapshot: NO_STREAM });
    for (const revision of [3, 5, 4, 0, 5, 2]) states.keep(stream, at(revision));
    expect(states.peek(stream)).toEqual(at(5));
    states.keep(stream, at(6));
    expect(states.peek(stream)!.revision).toBe(6);
    states.forget(stream);
    expect(states.peek(stream)).toBeUndefined();
  });

  it('holds nothing for a stream that is not there', async () => {
    const { states } = await room.kernel();
    const stream = fresh();
    expect(await states.load(parcel, stream)).toEqual({ state: parcel.initial, revision: NO_STREAM, snapshot: NO_STREAM });
    expect(states.peek(stream)).toBeUndefined();
  });

  it('spares the read', async () => {
    const { kernel: { states }, reads } = await counted();
    const stream = await long(5);
    for (let i = 0; i < 3; i++) expect((await states.load(parcel, stream)).revision).toBe(4);
    expect(reads.calls).toBe(1);
  });
});

describe('a snapshot', () => {
  it('is written by who folded more than fifty events, and spares the next cold read these', async () => {
    const stream = await long(10_000);
    const first = await counted();
    const cold = await first.kernel.states.read(parcel, stream);
    expect(cold).toMatchObject({ revision: 9_999, state: { seen: 10_000 } });
    expect(first.reads.events).toBe(10_000);
    const second = await counted();
    expect(await second.kernel.states.read(parcel, stream)).toMatchObject({ revision: 9_999, state: { seen: 10_000 }, snapshot: 9_999 });
    expect(second.reads.calls).toBeLessThanOrEqual(2);
    expect(second.reads.events).toBeLessThanOrEqual(100);
  });

  it('keeps the cost of attempt 10,000 bounded: an append in between, then a cold read', async () => {
    const stream = await long(9_900);
    const writer = await room.kernel();
    for (let i = 0; i < 150; i++) await writer.commands.execute(parcel, new SeeParcel(stream.slice('parcel-'.length), { place: 'x' }, by(`cost${i}`)));
    const { kernel, reads } = await counted();
    expect(await kernel.states.read(parcel, stream)).toMatchObject({ revision: 10_049, state: { seen: 10_050 } });
    expect(reads.calls).toBeLessThanOrEqual(3);
    expect(reads.events).toBeLessThanOrEqual(300);
  });

  it('is written every fifty appends, and not for a short stream', async () => {
    const { commands } = await room.kernel();
    const id = fresh().slice('parcel-'.length);
    const see = (i: number) => commands.execute(parcel, new SeeParcel(id, { place: 'x' }, by(`every${i}`)));
    for (let i = 0; i < 49; i++) await see(i);
    expect((await room.engine.readModels.getMany(SNAPSHOTS, [`parcel-${id}`])).size).toBe(0);
    for (let i = 49; i < 130; i++) await see(i);
    expect((await snapshotOf(`parcel-${id}`)).row.mark.revision).toBe(99);
  });

  it.each<[string, (row: Snapshot, other: Snapshot) => object]>([
    ['one byte of the state', (r) => ({ ...r, state: r.state.replace('"seen":300', '"seen":301') })],
    ['the revision', (r) => ({ ...r, mark: { ...r.mark, revision: r.mark.revision - 1 } })],
    ['a later revision', (r) => ({ ...r, mark: { ...r.mark, revision: 5_000 } })],
    ['the event that it was taken after', (r) => ({ ...r, mark: { ...r.mark, id: 'another' } })],
    ['one of a program that knew no marks', ({ state, mark: { revision }, sum }) => ({ state, revision, sum })],
    ['the signature', (r) => ({ ...r, sum: `${r.sum.slice(0, -1)}_` })],
    ['a short signature', (r) => ({ ...r, sum: r.sum.slice(0, 5) })],
    ['another stream\'s', (_r, other) => other],
    ['no row at all', () => ({})],
    ['no JSON', (r) => ({ ...r, state: '{' })],
  ])('is ignored when %s was put in its place: the events are the truth', async (_what, alter) => {
    const [stream, other] = [await long(300), await long(400)];
    const writer = await room.kernel();
    for (const s of [stream, other]) await writer.states.read(parcel, s);
    const [own, foreign] = [await snapshotOf(stream), await snapshotOf(other)];
    expect(own.row).toMatchObject({ mark: { revision: 299 }, state: expect.stringContaining('"seen":300') });
    await putInPlace(stream, own.position, alter(own.row, foreign.row));
    const { kernel, reads } = await counted();
    expect(await kernel.states.read(parcel, stream)).toMatchObject({ revision: 299, state: { seen: 300 } });
    expect(reads.events).toBe(300);
  });

  it('of another version of the decider, or made under another master key, is not used', async () => {
    const stream = await long(300);
    await (await room.kernel()).states.read(parcel, stream);
    const next = { ...(parcel as AnyDecider), snapshotVersion: 2, initial: { ...parcel.initial, seen: 1_000 } };
    const { kernel, reads } = await counted({ deciders: [next] });
    expect(((await kernel.states.read(next, stream)).state as Parcel).seen).toBe(1_300);
    expect(reads.events).toBe(300);
  });

  it('costs time only when views cannot be written or read', async () => {
    const stream = await long(300);
    const broken = { ...room.engine.readModels, define: () => Promise.reject(new Error('no views')) } as unknown as ReadModels;
    const engine = room.engine;
    room.engine = { ...engine, readModels: broken };
    try {
      const kernel = await room.kernel();
      expect(await kernel.states.read(parcel, stream)).toMatchObject({ revision: 299, snapshot: NO_STREAM });
    } finally { room.engine = engine; }
  });
});

describe('an event that is not known', () => {
  it.each([['ParcelExploded', 1], ['ParcelSeen', 99]])('stops the fold: %s version %i', async (type, version) => {
    const { states } = await room.kernel();
    const stream = await long(3);
    await room.engine.eventStore.append(stream, 2, [{ ...seen(stream, 1, 3)[0]!, type, version }]);
    await expect(states.read(parcel, stream)).rejects.toThrow(UnknownEvent);
  });
});
