import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AnyDecider } from '../decider.js';
import { Damaged } from '../errors.js';
import { parcel, TakeParcel } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import type { Kernel } from '../running/kernel.js';
import { house } from './house.decider.js';

let here: Room, there: Room;
beforeEach(async () => { [here, there] = await Promise.all([Room.open(), Room.open()]); });
afterEach(() => Promise.all([here.close(), there.close()]));

const deciders = [parcel, house] as unknown as AnyDecider[];
const took = (k: Kernel, id = 'a') => k.commands.execute(parcel as AnyDecider, new TakeParcel(id, { owner: 'o', to: '+49151', note: 'x' }, by(id)));
const written = async (room: Room): Promise<string> => JSON.stringify([await room.engine.keys.list(null, 100), await room.engine.eventStore.readAll(null, [], 100)]);

describe('a log and a key directory', () => {
  it('that began together are one house, at each start; the log says so once, first of all', async () => {
    for (const id of ['a', 'b']) { await took(await here.kernel({ deciders }), id); await here.reopen(); }
    const { events } = await here.engine.eventStore.readAll(null, [], 10);
    expect(events.map((e) => e.type)).toEqual(['HouseFounded', 'ParcelTaken', 'ParcelTaken']);
  });

  it('that are old, from before there was an id, are given one', async () => {
    await took(await here.kernel());
    await took(await here.kernel({ deciders }), 'b');
    expect((await here.engine.eventStore.read('house-this', 0, 9)).map((e) => e.type)).toEqual(['HouseFounded']);
    await here.kernel({ deciders });
  });

  it('begun by two processes at once are one house', async () => {
    await Promise.all([here.kernel({ deciders }), here.kernel({ deciders })]);
    expect((await here.engine.eventStore.read('house-this', 0, 9))).toHaveLength(1);
  });

  it('are refused where the directory is new beside a log with events, and it stays new', async () => {
    await took(await here.kernel());
    await expect(there.kernel({ store: here.engine.eventStore })).rejects.toThrow(/the log has events, but the key directory is new.*EVENTSTORE_URL, MONGODB_URL and CLUSTER_NAME.*backups/);
    expect(await there.engine.keys.list(null, 10)).toEqual([]);
  });

  it('of two houses are refused, and nothing is written', async () => {
    for (const room of [here, there]) await took(await room.kernel({ deciders }));
    const before = [await written(here), await written(there)];
    const opening = there.kernel({ deciders, store: here.engine.eventStore });
    await expect(opening).rejects.toBeInstanceOf(Damaged);
    await expect(opening).rejects.toThrow(/the log is of the house .*, the key directory of .*do not belong together/);
    expect([await written(here), await written(there)]).toEqual(before);
  });

  it('are refused where the log is empty, and the directory holds keys', async () => {
    await took(await here.kernel({ deciders }));
    await expect(here.kernel({ deciders, store: there.engine.eventStore })).rejects.toThrow('the key directory holds keys, but the log is empty');
    expect(await there.engine.eventStore.head()).toBeNull();
  });
});
