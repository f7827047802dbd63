import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Damaged } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import { newEvent } from '#libs/event-sourcing/testing/sample-events';
import { openEmbedded } from './embedded.js';

let dir: string;
const path = (file: string): string => join(dir, file);

/** A folder with 300 events in it, closed. */
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  const { eventStore, keys, close } = await openEmbedded({ dir });
  for (let i = 0; i < 300; i += 3) await eventStore.append('a-1', i - 1, [0, 1, 2].map((k) => newEvent({ n: i + k, text: 'x'.repeat(100) })));
  expect(await eventStore.append('b-1', NO_STREAM, [newEvent()])).toMatchObject({ revision: 0 });
  await keys.claim([{ hash: 'h', id: 'sub_1', wrapped: Buffer.from('key material') }]);
  await close();
});
afterEach(() => rmSync(dir, { recursive: true }));

const alter = (sql: string, file = 'log.db'): void => {
  const db = new DatabaseSync(path(file));
  db.exec(sql);
  db.close();
};
const opening = async (): Promise<unknown> => {
  try {
    const { close } = await openEmbedded({ dir });
    await close();
    return null;
  } catch (error) {
    return error;
  }
};
/** Opens, and reads everything. */
const reading = async (): Promise<unknown> => {
  const { eventStore, close } = await openEmbedded({ dir });
  return eventStore.readAll(null, [], 1000).then(() => null, (error: unknown) => error).finally(close);
};

describe('damage to the data folder', () => {
  it('is not seen where there is none', async () => {
    expect(await opening()).toBeNull();
    expect(await reading()).toBeNull();
  });

  it.each([
    ['data', "UPDATE events SET data = replace(data, '7', '8') WHERE position = 8"],
    ['what belongs to another event', 'UPDATE events SET data = (SELECT data FROM events WHERE position = 7), meta = (SELECT meta FROM events WHERE position = 7), sum = (SELECT sum FROM events WHERE position = 7), id = (SELECT id FROM events WHERE position = 7) WHERE position = 8'],
    ['owner', "UPDATE events SET meta = replace(meta, 'somebody', 'intruder') WHERE position = 8"],
    ['stream', "UPDATE events SET stream = 'a-2' WHERE position = 8"],
    ['an event that is gone', 'DELETE FROM events WHERE position = 8'],
  ])('is found when it is read, with its position: %s', async (_, sql) => {
    alter(sql);
    const found = await reading();
    expect(found).toBeInstanceOf(Damaged);
    expect((found as Damaged).position).toBe('0000000000000008');
  });

  it('is found in a stream with an event missing', async () => {
    alter('DELETE FROM events WHERE position = 8');
    const { eventStore, close } = await openEmbedded({ dir });
    await expect(eventStore.read('a-1', 0, 100)).rejects.toThrow('event 7 of a-1 is missing');
    await close();
  });

  it('at the end of the log is found at the start', async () => {
    alter("UPDATE events SET type = 'Other' WHERE position = 290");
    expect(await opening()).toMatchObject({ name: 'Damaged', position: '0000000000000290' });
  });

  it.each(['log.db', 'keys.db', 'views.db'])('names the file that is cut, empty of sense or newer: %s', async (file) => {
    const size = statSync(path(file)).size;
    truncateSync(path(file), size - 4096);
    expect(await opening()).toMatchObject({ name: 'Damaged', message: expect.stringContaining(file) });
    truncateSync(path(file), 1000);
    expect(await opening()).toMatchObject({ name: 'Damaged', message: expect.stringContaining(file) });
    writeFileSync(path(file), 'not a database at all'.repeat(1000));
    expect(await opening()).toMatchObject({ name: 'Damaged', message: expect.stringContaining(file) });
  });

  it('in the middle of the file is found when it is read', async () => {
    const file = openSync(path('log.db'), 'r+');
    for (let page = 5; page < 10; page++) writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, page * 4096);
    closeSync(file);
    expect(await reading()).toBeInstanceOf(Damaged);
  });

  it('names a file that was written by a newer program', async () => {
    alter('PRAGMA user_version = 99');
    expect(await opening()).toMatchObject({ name: 'Damaged', message: expect.stringContaining('log.db was written by a newer program') });
  });

  it.each([['log.db', 'keys.db'], ['keys.db', 'views.db']])('names %s when it is missing beside %s', async (missing, beside) => {
    rmSync(path(missing));
    expect(await opening()).toMatchObject({ name: 'Damaged', message: expect.stringMatching(`${missing} is missing or empty beside ${beside}`) });
  });

  it('lets the views be taken away: they are made anew', async () => {
    rmSync(path('views.db'));
    expect(await reading()).toBeNull();
  });
});
