import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import { AcceptBatch, AddBatchItems, RecordPartsMade, type BatchItem } from '#libs/messaging/batch/batch.decider';
import { parts } from '#libs/messaging/batch/parts.process';
import { acceptance, S3_POLICY } from '#libs/messaging/testing/message-life';
import { makeParts } from './batch-parts.js';
import { context, Workshop } from './testing/workshop.js';

let w: Workshop;
beforeAll(async () => { w = await Workshop.open(); });
afterAll(() => w.close());

const terms = { sms: { policy: S3_POLICY, deadlineMs: 30_000, onUnknown: 'retry' as const, receipts: false } };
const item = (index: number, over: Partial<BatchItem> = {}): BatchItem =>
  ({ index, channel: 'sms', gateway: 'sms', address: 'number', recipient: `+1555000${String(index).padStart(4, '0')}`, body: `text ${index}`, metadata: null, segments: 1, sendAt: null, expiresAt: null, ...over });

/** An accepted batch of so many chunks of three. */
async function accepted(chunks: number, over: Partial<BatchItem> = {}): Promise<string> {
  const id = `bat_${randomUUID().replaceAll('-', '')}`;
  for (let chunk = 0; chunk < chunks; chunk++) await w.execute(new AddBatchItems(id, { owner: 'o1', chunk, fingerprint: 'f', terms, items: [0, 1, 2].map((i) => item(3 * chunk + i, over)) }, context));
  await w.execute(new AcceptBatch(id, { count: 3 * chunks }, context));
  return id;
}
const lives = (id: string, count: number): Promise<string[][]> => Promise.all(Array.from({ length: count }, (_, i) => w.life(`${id}.${i}`)));
const made = async (id: string): Promise<unknown[]> => (await w.events(`batch-${id}`)).filter((e) => e.type === 'BatchPartsMade').map((e) => e.data);
const job = (id: string) => w.job(`batch-${id}`, parts);
const ONCE = ['MessageAccepted'];

describe('the parts of a batch', () => {
  it('are made a chunk at a time, each as it was asked for', async () => {
    const id = await accepted(2, { metadata: '{"k":1}' });
    expect(await makeParts(w.first.ports, await job(id))).toBe('done');
    expect(await lives(id, 6)).toEqual([ONCE, ONCE, ONCE, [], [], []]);
    expect(await makeParts(w.first.ports, await job(id))).toBe('done');
    expect(await lives(id, 6)).toEqual(Array(6).fill(ONCE));
    const m = await w.message(`${id}.4`);
    const [recipient, body, metadata] = await w.first.ports.sealer.open([m.recipient, m.body, m.metadata]);
    expect({ recipient, body, metadata }).toEqual({ recipient: '+15550000004', body: 'text 4', metadata: '{"k":1}' });
    expect(m).toMatchObject({ owner: 'o1', batch: id, gateway: 'sms', policy: S3_POLICY, acceptedAt: acceptance().acceptedAt ?? w.clock.now().toISOString() });
    expect((await w.events(`message-${id}.4`))[0]!.tags).toMatchObject({ owner: 'o1', parent: id });
  });
  it('are made once, however often and by however many it is asked', async () => {
    const id = await accepted(1), first = await job(id);
    await Promise.all([w.another(), w.another(), w.another()].map((p) => makeParts(p.ports, first)));
    expect(await makeParts(w.another().ports, first)).toBe('drop');
    expect(await lives(id, 3)).toEqual([ONCE, ONCE, ONCE]);
    expect(await made(id)).toEqual([expect.objectContaining({ chunks: 1, made: 3, skipped: [] })]);
  });
  it.each(['lost', 'unanswered'] as const)('a crash between the parts and the record of them (%s): the same parts', async (how) => {
    const id = await accepted(1), place = w.another(), first = await job(id);
    place.before = (c) => { if (c instanceof RecordPartsMade) place.fail(1, how); };
    await expect(makeParts(place.ports, first)).rejects.toThrow(Unavailable);
    expect(await lives(id, 3)).toEqual([ONCE, ONCE, ONCE]);
    await makeParts(w.another().ports, first);
    expect(await lives(id, 3)).toEqual([ONCE, ONCE, ONCE]);
    expect(await made(id)).toHaveLength(1);
  });
  it.each([1, 2, 3])('a crash amid the parts (%d not made): the rest is made', async (missing) => {
    const id = await accepted(1), place = w.another(), first = await job(id);
    place.fail(1 + missing, 'lost'); // the first die is cast over all of them
    await expect(makeParts(place.ports, first)).rejects.toThrow(Unavailable);
    expect((await lives(id, 3)).filter((l) => l.length === 0)).toHaveLength(missing);
    expect(await made(id)).toEqual([]);
    expect(await makeParts(place.ports, first)).toBe('done');
    expect(await lives(id, 3)).toEqual([ONCE, ONCE, ONCE]);
  });
  it('of somebody who was forgotten meanwhile are skipped, and it is written down', async () => {
    const id = await accepted(1, {});
    const subject = await w.keyring.find({ kind: 'number', value: '+15550000001' });
    await w.keyring.forget([subject!]);
    expect(await makeParts(w.first.ports, await job(id))).toBe('done');
    expect(await lives(id, 3)).toEqual([ONCE, [], ONCE]);
    expect(await made(id)).toEqual([expect.objectContaining({ chunks: 1, made: 3, skipped: [1] })]);
  });
  it('of a batch that was not accepted are not made', async () => {
    const id = `bat_${randomUUID().replaceAll('-', '')}`;
    await w.execute(new AddBatchItems(id, { owner: 'o1', chunk: 0, fingerprint: 'f', terms, items: [item(0)] }, context));
    expect(await makeParts(w.first.ports, { topic: 'batch-parts', stream: `batch-${id}`, id: `${id}/0`, lane: '' })).toBe('drop');
    expect(await lives(id, 1)).toEqual([[]]);
  });
});
