import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { subjectOf } from '#libs/event-sourcing/sealed';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { LeaveNote, parcel, SeeParcel, TakeParcel, type Parcel } from '#libs/event-sourcing/testing/example';
import { by, MASTER_KEY, Room } from '#libs/event-sourcing/testing/rooms';
import { until } from '#libs/event-sourcing/testing/test-clock';

let room: Room;
beforeEach(async () => { room = await Room.open(); });
afterEach(() => room.close());

const NUMBER = '+4915155501234';
const BODY = 'Canary-7f3a: your table at eight, Grüße';

/** Every spelling in which a value could lie in a file. */
function spellings(value: string | Buffer): [string, Buffer][] {
  const bytes = Buffer.from(value as string);
  const text = bytes.toString('utf8');
  const wide = Buffer.from(text, 'utf16le');
  // in base64 a value looks different at each of three offsets; what stands beside it shows in the first and last characters only
  const base64 = [0, 1, 2].map((before) => Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').slice(before ? 4 : 0, -4));
  const texts: [string, string][] = [
    ['hex', bytes.toString('hex')], ['HEX', bytes.toString('hex').toUpperCase()], ['URL', encodeURIComponent(text)], ['JSON', JSON.stringify(text).slice(1, -1)],
    ...base64.map((b, i): [string, string] => [`base64 at ${i}`, b]), ...base64.map((b, i): [string, string] => [`base64url at ${i}`, b.replaceAll('+', '-').replaceAll('/', '_')]),
  ];
  return [['bytes', bytes], ['UTF-16 LE', wide], ['UTF-16 BE', Buffer.from(wide).swap16()], ...texts.map(([name, t]): [string, Buffer] => [name, Buffer.from(t)])];
}
/** Where any of these lies in any file of the folder. */
function found(values: Record<string, string | Buffer>): string[] {
  const files = readdirSync(room.dir).map((name) => ({ name, bytes: readFileSync(join(room.dir, name)) }));
  return Object.entries(values).flatMap(([what, value]) => spellings(value).flatMap(([how, bytes]) => files.filter((f) => f.bytes.includes(bytes)).map((f) => `${what} as ${how} in ${f.name}`)));
}
const files = (): string[] => readdirSync(room.dir).toSorted();

async function used(): Promise<Parcel> {
  const kernel = await room.kernel({ clock: systemClock });
  kernel.startFollowers();
  await kernel.commands.execute(parcel, new TakeParcel('a', { owner: 'o1', to: NUMBER, note: BODY, van: 'marker-van' }, by('c')));
  for (let i = 0; i < 120; i++) await kernel.commands.execute(parcel, new SeeParcel('a', { place: 'marker-place' }, by(`s${i}`)));
  const { state } = await kernel.commands.execute<Parcel>(parcel, new LeaveNote('a', { text: BODY }, by('n')));
  const head = (await room.engine.eventStore.head())!;
  await until('views are written', async () => ((await room.engine.readModels.checkpoint('parcels@1')) ?? '') >= head && ((await room.engine.readModels.checkpoint('due_work@1')) ?? '') >= head);
  return state;
}

describe('T-canary the data folder', () => {
  it('holds no number and no text in the open, in the files and in the write-ahead logs, while running and after', async () => {
    await used();
    expect(files()).toEqual(expect.arrayContaining(['log.db', 'log.db-wal', 'keys.db', 'views.db']));
    expect(found({ number: NUMBER, digits: NUMBER.slice(1), body: BODY, word: 'Canary-7f3a', 'master key': MASTER_KEY })).toEqual([]);
    await room.reopen();
    expect(found({ number: NUMBER, digits: NUMBER.slice(1), body: BODY, word: 'Canary-7f3a', 'master key': MASTER_KEY })).toEqual([]);
  });

  it('the control: what is not sealed is found there, in log and views, and the search finds each spelling', async () => {
    await used();
    const there = found({ van: 'marker-van', place: 'marker-place' });
    expect(there.some((f) => f.startsWith('van as bytes in log.db'))).toBe(true);
    expect(there.some((f) => f.startsWith('place as bytes in views.db'))).toBe(true);
    for (const around of ['', 'x', 'xy', 'xyz']) {
      const whole = Buffer.from(`${around}${BODY}${around}`);
      const hidden = [...(['base64', 'base64url', 'hex'] as const).map((how) => Buffer.from(whole.toString(how))), Buffer.from(whole.toString('utf8'), 'utf16le')];
      for (const h of hidden) expect(spellings(BODY).some(([, bytes]) => h.includes(bytes))).toBe(true);
    }
  });

  it('holds no trace of a forgotten subject\'s key, wrapped or not, nor of the hash that led to it', async () => {
    const state = await used();
    const id = subjectOf(state.to!)!;
    const record = (await room.engine.keys.list(null, 1000)).find((r) => r.id === id)!;
    const wrapped = Buffer.from(record.wrapped);
    expect(found({ wrapped }).some((f) => f.includes('keys.db'))).toBe(true);
    const kernel = await room.kernel();
    await kernel.keyring.forget([id]);
    expect(found({ wrapped })).toEqual([]);
    await room.reopen();
    expect(found({ wrapped })).toEqual([]);
    expect(await (await room.kernel()).sealer.open([state.to, state.note])).toEqual([null, null]);
  });
});
