import { hash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AnyDecider } from '#libs/event-sourcing/decider';
import { Damaged } from '#libs/event-sourcing/errors';
import { parseSealed, type Sealed } from '#libs/event-sourcing/sealed';
import { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { openEvents } from '#libs/event-sourcing/sealing/open-event';
import { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { LeaveNote, parcel, TakeParcel } from '#libs/event-sourcing/testing/example';
import { by, MASTER_KEY, Room } from '#libs/event-sourcing/testing/rooms';
import { openEmbedded } from '#libs/engines/embedded/embedded';
import { dice } from '#libs/engines/fault/fault-event-store';

jest.setTimeout(60_000); // the engine is opened and closed many times
let room: Room;
beforeEach(async () => { room = await Room.open(); });
afterEach(() => room.close());

const NUMBER = '+4915112345678';
interface StoredRow { position: number; stream: string; revision: number; id: string; type: string; data: string; meta: string; sum: string }
const FIELDS = ['stream', 'revision', 'id', 'type', 'data', 'meta', 'sum'] as const;

/** Somebody with the file open by hand: the engine is closed meanwhile, and opened again. */
async function byHand(work: (db: DatabaseSync) => void): Promise<void> {
  await room.engine.close();
  const db = new DatabaseSync(join(room.dir, 'log.db'));
  work(db);
  db.close();
  room.engine = await openEmbedded({ dir: room.dir });
}
const rowAt = (db: DatabaseSync, position: number): StoredRow => db.prepare('SELECT * FROM events WHERE position = ?').get(position) as unknown as StoredRow;
const write = (db: DatabaseSync, r: StoredRow): void => { db.prepare('UPDATE events SET stream=?, revision=?, id=?, type=?, data=?, meta=?, sum=? WHERE position=?').run(...FIELDS.map((f) => r[f]), r.position); };
/** The checksum has no secret: who writes to the file can make it right again. */
const summed = (r: StoredRow): StoredRow => ({ ...r, sum: hash('sha256', `${r.stream}\n${r.revision}\n${r.id}\n${r.type}\n${r.data}\n${r.meta}`, 'base64url').slice(0, 22) });

/** Ten events with sealed values in one stream, one in another, then a hundred whole ones (the engine looks at the end when it opens). */
async function filled(): Promise<void> {
  const { commands } = await room.kernel();
  await commands.execute(parcel, new TakeParcel('a', { owner: 'o1', to: NUMBER, note: 'note 0' }, by('c')));
  for (let i = 1; i < 10; i++) await commands.execute(parcel, new LeaveNote('a', { text: `note ${i}` }, by(`c${i}`)));
  await commands.execute(parcel, new TakeParcel('b', { owner: 'o2', to: NUMBER }, by('c')));
  await commands.createMany(parcel, Array.from({ length: 120 }, (_, i) => new TakeParcel(`whole${i}`, { owner: 'o3', to: NUMBER }, by(`w${i}`))));
}
/** Reads the log from one position on and opens what is sealed: what an attacker hopes for. */
async function readAt(position: number): Promise<unknown> {
  const before = position === 1 ? null : String(position - 1).padStart(16, '0');
  try {
    const { events } = await room.engine.eventStore.readAll(before, [], 1);
    return (await openEvents(new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY)), events))[0]!.data;
  } catch (error) { return error; }
}
const textOf = (r: StoredRow): Sealed<string> => (JSON.parse(r.data) as { text: Sealed<string> }).text;
const withText = (r: StoredRow, text: string): StoredRow => summed({ ...r, data: JSON.stringify({ ...(JSON.parse(r.data) as object), text }) });
const named = (position: number): string => `at position ${String(position).padStart(16, '0')}`;

describe('T73 event 7 and event 8', () => {
  beforeEach(filled);

  it('the control: untouched they open', async () => {
    expect(await readAt(8)).toMatchObject({ text: 'note 7' });
    expect(await readAt(9)).toMatchObject({ text: 'note 8' });
  });

  it('a whole sealed value copied over is found, under the old checksum and under a right one', async () => {
    for (const fix of [false, true]) {
      await byHand((db) => { const to = rowAt(db, 9), copied = withText(to, textOf(rowAt(db, 8)) as unknown as string); write(db, fix ? copied : { ...copied, sum: to.sum }); });
      expect(await readAt(9)).toMatchObject({ name: 'Damaged', position: '0000000000000009', message: expect.stringContaining(named(9)) });
    }
  });

  const parts: [string, (own: Buffer, other: Buffer) => Buffer][] = [
    ['nonce', (own, other) => Buffer.concat([other.subarray(0, 12), own.subarray(12)])],
    ['ciphertext', (own, other) => Buffer.concat([own.subarray(0, 12), other.subarray(12, -16), own.subarray(-16)])],
    ['tag', (own, other) => Buffer.concat([own.subarray(0, -16), other.subarray(-16)])],
    ['nonce, ciphertext and tag', (_own, other) => other],
  ];
  it.each(parts)('the %s copied over, with the header of event 8 and a right checksum, opens to nothing', async (_part, mix) => {
    await byHand((db) => {
      const [from, to] = [parseSealed(textOf(rowAt(db, 8))), parseSealed(textOf(rowAt(db, 9)))];
      if (from === 'erased' || to === 'erased') throw new Error('nothing sealed');
      write(db, withText(rowAt(db, 9), `${to.header}|${mix(Buffer.from(to.box, 'base64url'), Buffer.from(from.box, 'base64url')).toString('base64url')}`));
    });
    expect(await readAt(9)).toMatchObject({ name: 'Damaged', message: 'a sealed value of parcel-a (revision 8, text) is not what was written' });
    expect(await readAt(8)).toMatchObject({ text: 'note 7' });
  });

  it('another key id, category, day or field name in the header opens to nothing', async () => {
    const keyring = await Keyring.open(room.engine.keys, MASTER_KEY);
    const [other] = await keyring.subjects([{ kind: 'number', value: '+4915199999999' }]);
    await keyring.period({ category: 'parcels', day: '2030-01-02' });
    for (const [field, value] of [['subject', other!.id], ['category', 'kept'], ['day', '2030-01-02'], ['field', 'fingerprint']] as const) {
      let original!: StoredRow;
      await byHand((db) => {
        original = rowAt(db, 9);
        const parts = (textOf(original) as unknown as string).split('|');
        parts[{ subject: 1, category: 2, day: 3, field: 4 }[field]] = value;
        write(db, withText(original, parts.join('|')));
      });
      expect(await readAt(9)).toBeInstanceOf(Damaged);
      await byHand((db) => write(db, original));
    }
    expect(await readAt(9)).toMatchObject({ text: 'note 8' });
  });
});

describe('T73 an event that was moved', () => {
  beforeEach(filled);

  it('to another stream, revision, type or owner is found, and its position named', async () => {
    for (const over of [{ stream: 'parcel-b', revision: 1 }, { stream: 'parcel-c', revision: 0 }, { revision: 77 }, { type: 'ParcelSeen' }]) {
      for (const fix of [false, true]) {
        let original!: StoredRow;
        await byHand((db) => { original = rowAt(db, 9); const moved = { ...original, ...over }; write(db, fix ? summed(moved) : moved); });
        expect(await readAt(9)).toMatchObject({ name: 'Damaged', message: expect.stringContaining(named(9)) });
        await byHand((db) => write(db, original));
      }
    }
    await byHand((db) => { const r = rowAt(db, 9); write(db, { ...r, meta: r.meta.replace('"o":"o1"', '"o":"o2"') }); });
    expect(await readAt(9)).toMatchObject({ name: 'Damaged', message: expect.stringContaining(named(9)) });
  });

  it('away is missed by whoever reads its stream or the log', async () => {
    await byHand((db) => { db.exec('DELETE FROM events WHERE position = 9'); });
    await expect(room.engine.eventStore.read('parcel-a', 0, 100)).rejects.toThrow(Damaged);
    await expect(room.engine.eventStore.readAll(null, [], 100)).rejects.toThrow(named(9));
  });
});

it('T73 one bit flipped in each of a thousand places of what is stored: each is found, at its position', async () => {
  const { commands } = await room.kernel();
  const places = 1_000;
  for (let i = 0; i < places; i += 250) await commands.createMany(parcel, Array.from({ length: 250 }, (_, k) => new TakeParcel(`p${i + k}`, { owner: 'o1', to: NUMBER, note: `note ${i + k}` }, by(`c${i + k}`))));
  await filled();
  const random = dice(73);
  const flipped: string[] = [];
  await byHand((db) => {
    const statements = new Map(FIELDS.map((f) => [f, db.prepare(`UPDATE events SET ${f} = CAST(? AS TEXT) WHERE position = ?`)]));
    db.exec('BEGIN');
    for (let position = 1; position <= places; position++) {
      const row = rowAt(db, position);
      // the longer a field the more of its bits; the revision is a number and has its own row above
      const text = FIELDS.filter((f) => f !== 'revision');
      let at = Math.floor(random() * text.reduce((n, f) => n + Buffer.byteLength(row[f] as string), 0));
      const field = text.find((f) => { const n = Buffer.byteLength(row[f] as string); if (at < n) return true; at -= n; return false; })!;
      const bytes = Buffer.from(row[field] as string);
      bytes[at]! ^= 1 << Math.floor(random() * 8);
      statements.get(field)!.run(bytes, position);
      flipped.push(field);
    }
    db.exec('COMMIT');
  });
  const missed: string[] = [];
  for (let position = 1; position <= places; position++) {
    const found = await room.engine.eventStore.readAll(position === 1 ? null : String(position - 1).padStart(16, '0'), [], 1).then(() => null, (e: unknown) => e);
    if (!(found instanceof Damaged) || found.position !== String(position).padStart(16, '0')) missed.push(`${position}: ${flipped[position - 1]}`);
  }
  expect(missed).toEqual([]);
  expect(new Set(flipped).size).toBe(FIELDS.length - 1);
});

it('T73 one bit flipped in every place of a sealed value in a row: it opens to nothing, never to something else', async () => {
  const kernel = await room.kernel();
  await kernel.commands.execute(parcel, new TakeParcel('a', { owner: 'o1', to: NUMBER, note: 'twelve o\'clock, third floor' }, by('c')));
  const sealed = ((await room.engine.eventStore.last('parcel-a'))!.data as { note: string }).note;
  let flips = 0;
  for (let i = 0; i < sealed.length; i++) {
    for (let bit = 0; bit < 7; bit++) {
      const other = sealed.slice(0, i) + String.fromCharCode(sealed.charCodeAt(i) ^ (1 << bit)) + sealed.slice(i + 1);
      flips++;
      // an unknown subject or period has no key: null; what is no sealed value at all is refused as such
      const outcome: string | null = await kernel.sealer.open([other as unknown as Sealed<string>]).then(([v]) => v!, (error: unknown) => (error instanceof Error ? null : 'no error'));
      if (outcome !== null) throw new Error(`place ${i}, bit ${bit} opened to ${outcome}`);
    }
  }
  expect(flips).toBeGreaterThan(1_000);
  expect(await kernel.sealer.open([sealed as unknown as Sealed<string>])).toEqual(['twelve o\'clock, third floor']);
});

it('T73 two processes sealing a million values use no nonce twice', async () => {
  const sealers = await Promise.all([1, 2].map(async () => new Sealer(await Keyring.open(room.engine.keys, MASTER_KEY))));
  const [subject] = await sealers[0]!.keyring.subjects([{ kind: 'number', value: NUMBER }]);
  const state = { ...parcel.initial, to: `s1|${subject!.id}|x|x|x|x|0|x|x` };
  const period = { category: 'parcels', day: '2030-01-01' };
  const nonces = new Set<bigint>();
  await Promise.all(sealers.map(async (sealer) => {
    for (let i = 0; i < 5_000; i++) {
      const events = Array.from({ length: 100 }, (_, k) => ({ type: 'NoteLeft', data: { text: `${i}.${k}`, fingerprint: '' } }));
      for (const e of await sealer.seal(parcel as AnyDecider, 'parcel-n', i * 100, events, events.map(() => period), state) as { text: Sealed<string> }[]) {
        const text = e.text as unknown as string;
        const nonce = Buffer.from(text.slice(text.lastIndexOf('|') + 1, text.lastIndexOf('|') + 17), 'base64url');
        nonces.add((nonce.readBigUInt64LE() << 32n) | BigInt(nonce.readUInt32LE(8)));
      }
    }
  }));
  expect(nonces.size).toBe(1_000_000);
}, 120_000);
