import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Keys } from '#libs/event-sourcing/ports/keys';
import { ERASED, subjectOf, type Sealed } from '#libs/event-sourcing/sealed';
import { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { openEvents } from '#libs/event-sourcing/sealing/open-event';
import { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { LeaveNote, parcel, SeeParcel, TakeParcel, type Parcel } from '#libs/event-sourcing/testing/example';
import { by, MASTER_KEY, Room } from '#libs/event-sourcing/testing/rooms';

let room: Room;
beforeEach(async () => { room = await Room.open(); });
afterEach(() => room.close());

const NUMBER = '+4915112345678';
const PERIOD = { category: 'parcels', day: '2030-01-01' };
const taken = { owner: 'o1', to: NUMBER, note: 'at the back door' };
/** The directory, with its writings counted. */
function watched(over: Partial<Keys> = {}): Keys & { written: string[] } {
  const k = room.engine.keys, written: string[] = [];
  return {
    written,
    claim: (c) => { written.push('claim'); return k.claim(c); }, find: (h) => k.find(h), keys: (i) => k.keys(i), list: (...a) => k.list(...a),
    forget: (i) => { written.push('forget'); return k.forget(i); }, rewrap: (r) => { written.push('rewrap'); return k.rewrap(r); }, constant: (...a) => { written.push('constant'); return k.constant(...a); },
    ...over,
  };
}
const all = async (): Promise<string> => JSON.stringify(await room.engine.keys.list(null, 1000));

describe('T74 the master key', () => {
  it('of another length is refused before anything is asked or written', async () => {
    for (const length of [0, 16, 31, 33, 64]) {
      const keys = watched();
      await expect(Keyring.open(keys, randomBytes(length))).rejects.toThrow(`a master key has 32 bytes, not ${length}`);
      expect(keys.written).toEqual([]);
    }
    expect(await all()).toBe('[]');
  });

  it('that is not the data\'s is refused with a reason, nothing is made or overwritten, and the right one still works', async () => {
    const { commands } = await room.kernel();
    await commands.execute(parcel, new TakeParcel('a', taken, by('c')));
    const [before, head] = [await all(), await room.engine.eventStore.head()];
    const wrong = [randomBytes(32), Buffer.alloc(32), Buffer.from(MASTER_KEY.map((b, i) => (i === 31 ? b ^ 1 : b)))];
    for (const key of wrong) {
      await expect(Keyring.open(room.engine.keys, key)).rejects.toThrow('the master key is not the one that this data was written with: put the right key in place');
      await expect(room.kernel({ masterKey: key })).rejects.toThrow('the master key is not the one');
    }
    expect([await all(), await room.engine.eventStore.head()]).toEqual([before, head]);
    const { sealer } = await room.kernel();
    expect(await openEvents(sealer, await room.engine.eventStore.read('parcel-a', 0, 1))).toMatchObject([{ data: { to: NUMBER, note: 'at the back door' } }]);
  });

  it('is in no answer of the directory, nor is any key in the open', async () => {
    const keyring = await Keyring.open(room.engine.keys, MASTER_KEY);
    const [subject] = await keyring.subjects([{ kind: 'number', value: NUMBER }]);
    const period = await keyring.period(PERIOD);
    for (const secret of [MASTER_KEY, subject!.key!, period.key!]) {
      for (const record of await room.engine.keys.list(null, 1000)) expect(Buffer.from(record.wrapped).includes(secret)).toBe(false);
    }
  });

  it('found with a fixed key lost refuses to go on: a new one would open nothing', async () => {
    await Keyring.open(room.engine.keys, MASTER_KEY);
    const lost = watched({ claim: async (c) => (await room.engine.keys.claim(c)).map((r, i) => (i === 0 ? 'forgotten' : r)) });
    await expect(Keyring.open(lost, MASTER_KEY)).rejects.toThrow('restore keys.db from a backup');
  });
});

describe('T75 forgetting a subject', () => {
  it('leaves nothing of its values, in any cache: events, states, snapshots, and what was sealed before stays closed', async () => {
    const kernel = await room.kernel();
    await kernel.commands.execute(parcel, new TakeParcel('a', taken, by('c')));
    await kernel.commands.execute(parcel, new TakeParcel('b', { ...taken, to: '+4915199999999', note: 'stays' }, by('c')));
    for (let i = 0; i < 120; i++) await kernel.commands.execute(parcel, new SeeParcel('a', { place: 'x' }, by(`s${i}`)));
    const events = await room.engine.eventStore.read('parcel-a', 0, 1);
    const state = kernel.states.peek('parcel-a')!.state as Parcel;
    expect(await kernel.sealer.open([state.to, state.note])).toEqual([NUMBER, 'at the back door']);
    await kernel.keyring.forget([subjectOf(state.to!)!]);
    for (const k of [kernel, await room.kernel()]) {
      expect(await k.sealer.open([state.to, state.note])).toEqual([null, null]);
      expect((await openEvents(k.sealer, events))[0]!.data).toMatchObject({ owner: 'o1', to: null, note: null });
      const now = (await k.states.read(parcel, 'parcel-a')).state as Parcel;
      expect([now.seen, await k.sealer.open([now.to])]).toEqual([120, [null]]);
      expect(await k.keyring.find({ kind: 'number', value: NUMBER })).toBeNull();
    }
    const other = (await kernel.states.read(parcel, 'parcel-b')).state as Parcel;
    expect(await kernel.sealer.open([other.note])).toEqual(['stays']);
  });

  it('twice is once; the same number later is somebody new, to whom nothing of before opens', async () => {
    const { commands, keyring, sealer } = await room.kernel();
    const first = (await commands.execute<Parcel>(parcel, new TakeParcel('a', taken, by('c')))).state;
    const id = subjectOf(first.to!)!;
    await keyring.forget([id]);
    await keyring.forget([id]);
    const second = (await commands.execute<Parcel>(parcel, new TakeParcel('b', taken, by('c')))).state;
    expect(subjectOf(second.to!)).not.toBe(id);
    expect(await sealer.open([first.to, second.to])).toEqual([null, NUMBER]);
  });

  it('what arrives for it afterwards is erased on arrival: a note for whom the stream still names', async () => {
    const { commands, keyring, sealer } = await room.kernel();
    const { state } = await commands.execute<Parcel>(parcel, new TakeParcel('a', taken, by('c')));
    await commands.execute(parcel, new LeaveNote('a', { text: 'before' }, by('d')));
    await keyring.forget([subjectOf(state.to!)!]);
    await commands.execute(parcel, new LeaveNote('a', { text: 'after' }, by('e')));
    const [before, after] = (await room.engine.eventStore.read('parcel-a', 1, 2)).map((e) => e.data as { text: Sealed<string>; fingerprint: string });
    expect([before!.fingerprint.length, after]).toEqual([43, { text: ERASED, fingerprint: '' }]);
    expect(await sealer.open([before!.text, after!.text])).toEqual([null, null]);
  });

  it('makes its fingerprints untestable: nobody can make one to compare a guess with', async () => {
    const keyring = await Keyring.open(room.engine.keys, MASTER_KEY);
    const who = { kind: 'number', value: NUMBER } as const;
    const [subject] = await keyring.subjects([who]);
    const before = keyring.fingerprint(subject!, 'guess');
    expect(keyring.fingerprint((await keyring.subjects([who]))[0]!, 'guess')).toBe(before);
    expect(keyring.fingerprint(subject!, 'another')).not.toBe(before);
    expect(keyring.fingerprint((await keyring.subjects([{ kind: 'number', value: '+4915100000009' }]))[0]!, 'guess')).not.toBe(before);
    await keyring.forget([subject!.id]);
    expect(keyring.fingerprint((await keyring.byId([subject!.id])).get(subject!.id)!, 'guess')).toBe('');
    expect(keyring.fingerprint((await keyring.subjects([who]))[0]!, 'guess')).not.toBe(before);
  });

  it('is not undone by a look-up that was under way: no cache keeps a key that was read before', async () => {
    const gate = Promise.withResolvers<void>(), asked = Promise.withResolvers<void>();
    let slow = false;
    const keys = watched({
      keys: async (ids) => { const found = await room.engine.keys.keys(ids); if (slow) { asked.resolve(); await gate.promise; } return found; },
    });
    const first = await Keyring.open(keys, MASTER_KEY);
    const [subject] = await first.subjects([{ kind: 'number', value: NUMBER }]);
    first.forgotten(); // nothing in memory: the next look-up asks
    slow = true;
    const underWay = first.byId([subject!.id]);
    await asked.promise;
    await first.forget([subject!.id]);
    slow = false;
    gate.resolve();
    await underWay;
    expect((await first.byId([subject!.id])).get(subject!.id)!.key).toBeNull();
  });

  it('is followed by another process as soon as it is told', async () => {
    const [here, there] = [await Keyring.open(room.engine.keys, MASTER_KEY), await Keyring.open(room.engine.keys, MASTER_KEY)];
    const [subject] = await there.subjects([{ kind: 'number', value: NUMBER }]);
    await here.forget([subject!.id]);
    there.forgotten();
    expect((await there.byId([subject!.id])).get(subject!.id)!.key).toBeNull();
    expect(await there.find({ kind: 'number', value: NUMBER })).toBeNull();
  });
});

describe('T75 forgetting a period (retention)', () => {
  it('closes what was sealed in it, for every subject, and nothing of another day or of what is kept', async () => {
    const sealer = new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY));
    const periods = [PERIOD, { ...PERIOD, day: '2030-01-02' }, { ...PERIOD, category: 'letters' }, { category: 'kept', day: '2030-01-01' }];
    const events = periods.map((_, i) => ({ type: 'ParcelTaken', data: { ...taken, note: `note ${i}` } }));
    const notes = (await sealer.seal(parcel, 'parcel-a', 0, events, periods, parcel.initial) as { note: Sealed<string> }[]).map((e) => e.note);
    expect(await sealer.open(notes)).toEqual(['note 0', 'note 1', 'note 2', 'note 3']);
    await sealer.keyring.forget([(await sealer.keyring.period(PERIOD)).id]);
    for (const s of [sealer, new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY))]) {
      expect(await s.open(notes)).toEqual([null, 'note 1', 'note 2', 'note 3']);
      expect((await s.keyring.period(PERIOD)).key).toBeNull();
      expect((await s.seal(parcel, 'parcel-b', 0, events.slice(0, 1), [PERIOD], parcel.initial) as { note: unknown }[])[0]!.note).toBe(ERASED);
    }
  });
});
