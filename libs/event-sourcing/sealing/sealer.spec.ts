import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AnyDecider } from '../decider.js';
import { Damaged } from '../errors.js';
import type { Keys } from '../ports/keys.js';
import { parseSealed, subjectOf, type Sealed } from '../sealed.js';
import { parcel } from '../testing/example.js';
import { MASTER_KEY, Room } from '../testing/rooms.js';
import { decrypt, encrypt, Keyring } from './keyring.js';
import { openEvents } from './open-event.js';
import { Sealer } from './sealer.js';

let room: Room;
beforeAll(async () => { room = await Room.open(); });
afterAll(() => room.close());

const PERIOD = { category: 'parcels', day: '2030-01-01' };
type Taken = { to: Sealed<string>; note: Sealed<string> | null };
const events = (...values: [to: string, note: string | null][]) => values.map(([to, note]) => ({ type: 'ParcelTaken', data: { owner: 'o', to, note } }));
const sealAll = (s: Sealer, list: ReturnType<typeof events>, stream = 'parcel-a', revision = 0): Promise<Taken[]> =>
  s.seal(parcel as AnyDecider, stream, revision, list, list.map(() => PERIOD), parcel.initial) as Promise<Taken[]>;
/** The directory, with its calls counted. */
function counted(): { keys: Keys; calls: string[] } {
  const k = room.engine.keys, calls: string[] = [];
  return {
    calls,
    keys: {
      claim: (c) => { calls.push(`claim ${c.length}`); return k.claim(c); }, keys: (ids) => { calls.push(`keys ${ids.length}`); return k.keys(ids); },
      find: (h) => k.find(h), forget: (i) => k.forget(i), rewrap: (r) => k.rewrap(r), list: (...a) => k.list(...a), constant: (...a) => k.constant(...a),
    },
  };
}

describe('a sealed value', () => {
  it('opens to what was sealed: any text, of any subject, in any process with the key', async () => {
    const [here, there] = [new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY)), new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY))];
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.option(fc.string({ unit: 'binary', maxLength: 2_000 }))), { maxLength: 6 }), async (values) => {
      const sealed = await sealAll(here, events(...values));
      expect(await there.open(sealed.flatMap((e) => [e.to, e.note]))).toEqual(values.flat());
    }), { numRuns: 60 });
  });

  it('carries whose it is and where it stands, and looks different each time', async () => {
    const sealer = new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY));
    const [a, b] = await sealAll(sealer, events(['+49151', 'x'], ['+49151', 'x']), 'parcel-z', 4);
    const [first, second] = [parseSealed(a!.note!), parseSealed(b!.note!)];
    expect([first, second]).toMatchObject([
      { fields: { ...PERIOD, subject: expect.stringMatching(/^sub_[\w-]{22}$/), field: 'note', type: 'ParcelTaken', revision: 4, stream: 'parcel-z' } }, { fields: { revision: 5 } },
    ]);
    expect(first).not.toMatchObject({ box: (second as { box: string }).box });
  });

  it('costs one call to the directory for all the subjects of an append, and none when they are known', async () => {
    const { keys, calls } = counted();
    const sealer = new Sealer(await Keyring.open(keys, MASTER_KEY));
    calls.length = 0;
    const many = events(...Array.from({ length: 50 }, (_, i): [string, string] => [`+4917${i}`, 'x']));
    const sealed = await sealAll(sealer, many);
    expect(calls).toEqual(['claim 50', 'claim 1']); // the subjects, the period
    await sealAll(sealer, many);
    await sealer.open(sealed.map((s) => s.to));
    expect(calls).toHaveLength(2);
    const other = new Sealer(await Keyring.open(keys, MASTER_KEY));
    calls.length = 0;
    await other.open(sealed.flatMap((s) => [s.to, s.note]));
    expect(calls).toEqual(['keys 50', 'claim 1']);
  });

  it('made by two processes at once for somebody new has one subject', async () => {
    const sealers = await Promise.all([1, 2].map(async () => new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY))));
    const both = await Promise.all(sealers.map((s) => sealAll(s, events(['+4918 new', 'x']))));
    const [a, b] = both.map(([e]) => parseSealed(e!.to)) as { fields: { subject: string } }[];
    expect(a!.fields.subject).toBe(b!.fields.subject);
    expect(await sealers[0]!.open(both.map(([e]) => e!.to))).toEqual(['+4918 new', '+4918 new']);
  });

  it('of nothing is nothing, and opens to nothing, in order', async () => {
    const sealer = new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY));
    const [e] = await sealAll(sealer, events(['+49151', null]));
    expect(e!.note).toBeNull();
    expect(await sealer.open([null, e!.to, null])).toEqual([null, '+49151', null]);
    expect(await sealer.open([])).toEqual([]);
  });

  it('that is cut short, or spelled otherwise, is damaged', async () => {
    const sealer = new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY));
    const [e] = await sealAll(sealer, events(['+49151', 'hello']));
    const { header, box } = parseSealed(e!.note!) as { header: string; box: string };
    for (const other of ['', 'A', box.slice(0, 30), box.slice(0, -1), `${box}A`, `${box}=`, ` ${box}`, `${box.slice(0, 9)}!${box.slice(9)}`]) {
      await expect(sealer.open([`${header}|${other}` as unknown as Sealed<string>])).rejects.toThrow(Damaged);
    }
  });
});

describe('a key id that the directory never issued', () => {
  it('is damaged, not erased: the log is another house\'s; only what was forgotten is null', async () => {
    const sealer = new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY));
    const [e] = await sealAll(sealer, events(['+49151 gone', 'hello']));
    const elsewhere = await Room.open();
    try {
      const other = new Sealer(await Keyring.open(elsewhere.engine.keys, MASTER_KEY));
      await expect(other.open([e!.note])).rejects.toThrow(/never issued by this key directory.*MONGODB_URL/);
      await expect(other.keyring.subjects([{ id: subjectOf(e!.to)! }])).rejects.toThrow(Damaged);
    } finally { await elsewhere.close(); }
    await sealer.keyring.forget([subjectOf(e!.to)!]);
    expect(await sealer.open([e!.note])).toEqual([null]);
  });
});

describe('encrypt and decrypt', () => {
  it('need the same key and the same additional data', () => {
    const [key, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const box = encrypt(key, 'hello', 'header');
    expect(decrypt(key, box, 'header').toString()).toBe('hello');
    expect(() => decrypt(other, box, 'header')).toThrow();
    expect(() => decrypt(key, box, 'headeR')).toThrow();
    expect(box.length).toBe(12 + 5 + 16);
  });

  it('draws a nonce for each value from the randomness it is given', () => {
    const drawn: number[] = [];
    const box = encrypt(Buffer.alloc(32), '', '', (n) => { drawn.push(n); return Buffer.alloc(n, 9); });
    expect([drawn, box.subarray(0, 12)]).toEqual([[12], Buffer.alloc(12, 9)]);
  });
});

it('openEvents opens every sealed value wherever it lies in the data, with one call, and leaves the rest', async () => {
  const { keys, calls } = counted();
  const sealer = new Sealer(await Keyring.open(keys, MASTER_KEY));
  const [a, b] = await sealAll(sealer, events(['+49151', 'one'], ['+49152', 'two']));
  const fresh = new Sealer(await Keyring.open(keys, MASTER_KEY));
  calls.length = 0;
  const event = (data: unknown) => ({ id: 'e', type: 't', version: 1, data, tags: { owner: 'o' }, metadata: { correlationId: '', causationId: '', principal: '', at: '' }, stream: 'x-1', revision: 0, position: '1' });
  const opened = await openEvents(fresh, [event({ list: [a!.to, { deep: a!.note }], n: 1, none: null, text: 'plain' }), event([b!.note])]);
  expect(opened.map((e) => e.data)).toEqual([{ list: ['+49151', { deep: 'one' }], n: 1, none: null, text: 'plain' }, ['two']]);
  expect(calls.filter((c) => c.startsWith('keys'))).toEqual(['keys 2']);
});
