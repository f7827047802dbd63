import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { message } from '#libs/messaging/message/message.decider';
import { accepted, at, sent, started } from '#libs/messaging/testing/message-life';
import { messageLog } from './message-log.projection.js';
import { listMessages, type MessageFilter } from './message-log.reader.js';

const A = '+15550000001', B = '+15550000002';
let engine: Embedded, dir: string;

/** Message i of 40: two owners, two numbers, every third sent, batches of ten; four share each moment. */
const facts = Array.from({ length: 40 }, (_, i) => ({
  id: `m${String(i).padStart(2, '0')}`, owner: i % 2 ? 'o1' : 'o2', number: i % 4 < 2 ? A : B, status: i % 3 === 0 ? 'sent' : 'queued', batch: `bat_${Math.floor(i / 10)}`, at: at(Math.floor(i / 4)),
}));
type Fact = (typeof facts)[number];
const newestFirst = (list: Fact[]): string[] => [...list].sort((x, y) => (x.at === y.at ? (x.id < y.id ? 1 : -1) : x.at < y.at ? 1 : -1)).map((f) => f.id);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-reader-'));
  engine = await openEmbedded({ dir });
  await engine.readModels.define({ name: collectionOf(messageLog), indexes: messageLog.indexes });
  const events = facts.flatMap((f) => [
    accepted({ owner: f.owner, recipient: f.number, batch: f.batch, acceptedAt: f.at, sendAt: f.at }),
    ...(f.status === 'sent' ? [started(1, 0), sent(1, 1)] : []),
  ].map((e, i) => happened(message, `message-${f.id}`, i, e.type, e.data)));
  const rows = [...projected(messageLog, events)].map(([id, row]) => ({ id, position: '0000000000000001', row }));
  await engine.readModels.apply(collectionOf(messageLog), rows, '0000000000000001');
});
afterAll(async () => {
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

/** All pages, and how many there were. */
async function pages(filter: MessageFilter, limit: number): Promise<string[][]> {
  const found: string[][] = [];
  for (let after: [string, string] | undefined; ;) {
    const page = await listMessages(engine.readModels, filter, limit, after);
    found.push(page.messages.map((m) => m.id));
    if (!page.next) return found;
    after = page.next;
  }
}

const FILTERS: [string, MessageFilter, (f: Fact) => boolean][] = [
  ['every owner', { owner: null }, () => true],
  ['one owner', { owner: 'o1' }, (f) => f.owner === 'o1'],
  ['owner and status', { owner: 'o1', status: 'sent' }, (f) => f.owner === 'o1' && f.status === 'sent'],
  ['status', { owner: null, status: 'queued' }, (f) => f.status === 'queued'],
  ['subject', { owner: null, subject: `sub_${A}` }, (f) => f.number === A],
  ['subject and owner', { owner: 'o2', subject: `sub_${B}` }, (f) => f.number === B && f.owner === 'o2'],
  ['subject, owner and status', { owner: 'o2', subject: `sub_${B}`, status: 'sent' }, (f) => f.number === B && f.owner === 'o2' && f.status === 'sent'],
  ['batch', { owner: null, batch: 'bat_2' }, (f) => f.batch === 'bat_2'],
  ['batch and owner', { owner: 'o1', batch: 'bat_2' }, (f) => f.batch === 'bat_2' && f.owner === 'o1'],
  ['batch, subject and status', { owner: 'o1', batch: 'bat_1', subject: `sub_${A}`, status: 'queued' }, (f) => f.owner === 'o1' && f.batch === 'bat_1' && f.number === A && f.status === 'queued'],
  ['from', { owner: 'o1', from: at(5) }, (f) => f.owner === 'o1' && f.at >= at(5)],
  ['to, which is not in it', { owner: 'o1', to: at(5) }, (f) => f.owner === 'o1' && f.at < at(5)],
  ['from and to, status', { owner: null, status: 'sent', from: at(2), to: at(7) }, (f) => f.status === 'sent' && f.at >= at(2) && f.at < at(7)],
  ['from and to, batch', { owner: 'o2', batch: 'bat_1', from: at(3), to: at(4) }, (f) => f.batch === 'bat_1' && f.owner === 'o2' && f.at >= at(3) && f.at < at(4)],
  ['nobody', { owner: 'o3' }, () => false],
  ['an unknown subject', { owner: 'o1', subject: 'sub_nobody' }, () => false],
  ["somebody else's batch: nothing", { owner: 'o3', batch: 'bat_1' }, () => false],
];

describe('listing messages', () => {
  it('knows something to tell apart in every filter', () => { for (const [name, , is] of FILTERS.slice(0, 14)) expect([name, facts.filter(is).length > 0]).toEqual([name, true]); });
  it.each(FILTERS)('by %s: newest first, ties by id', async (_, filter, is) => expect((await pages(filter, 100)).flat()).toEqual(newestFirst(facts.filter(is))));
  it.each(FILTERS)('by %s: in pages of any length, none twice, none left out', async (_, filter, is) => {
    for (const limit of [1, 3, 4, 7]) {
      const found = await pages(filter, limit);
      expect(found.flat()).toEqual(newestFirst(facts.filter(is)));
      for (const page of found) expect(page.length).toBeLessThanOrEqual(limit);
    }
  });
  it('says that there is no next page on the last one, also when it is full', async () => {
    expect((await listMessages(engine.readModels, { owner: null }, 40)).next).toBeNull();
    expect((await listMessages(engine.readModels, { owner: null }, 39)).next).toEqual([at(0), 'm01']);
  });
});

describe("another owner's 1,000 messages of the same number and batch", () => {
  let crowded: Embedded;
  const NUMBER = '+15550000009';
  beforeAll(async () => {
    crowded = await openEmbedded({ dir: join(dir, 'crowded') });
    await crowded.readModels.define({ name: collectionOf(messageLog), indexes: messageLog.indexes });
    const events = Array.from({ length: 1_002 }, (_, i) => {
      const { type, data } = accepted({ owner: i < 2 ? 'mine' : 'theirs', recipient: NUMBER, batch: 'bat_crowd', acceptedAt: at(i), sendAt: at(i) });
      return happened(message, `message-x${i}`, 0, type, data);
    });
    await crowded.readModels.apply(collectionOf(messageLog), [...projected(messageLog, events)].map(([id, row]) => ({ id, position: '0000000000000001', row })), '0000000000000001');
  });
  afterAll(() => crowded.close());
  const list = async (filter: MessageFilter, limit: number, after?: [string, string]) => {
    const page = await listMessages(crowded.readModels, filter, limit, after);
    return [page.messages.map((m) => m.id), page.next];
  };

  it.each<[string, Omit<MessageFilter, 'owner'>]>([['number', { subject: `sub_${NUMBER}` }], ['batch', { batch: 'bat_crowd' }], ['number and status', { subject: `sub_${NUMBER}`, status: 'queued' }], ['batch and number', { batch: 'bat_crowd', subject: `sub_${NUMBER}` }]])('by %s: hide nothing of one\'s own, and no cursor tells of them', async (_, by) => {
    expect(await list({ owner: 'nobody', ...by }, 10)).toEqual([[], null]);
    expect(await list({ owner: 'mine', ...by }, 10)).toEqual([['x1', 'x0'], null]);
    expect(await list({ owner: 'mine', ...by }, 1)).toEqual([['x1'], [at(1), 'x1']]);
    expect(await list({ owner: 'mine', ...by }, 1, [at(1), 'x1'])).toEqual([['x0'], null]);
    expect(await list({ owner: 'mine', ...by, status: 'sent' }, 10)).toEqual([[], null]);
  });
});
