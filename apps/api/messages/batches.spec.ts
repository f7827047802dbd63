import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import { Seeing } from '#libs/event-sourcing/running/seeing';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { AcceptBatch, AddBatchItems, CHUNK } from '#libs/messaging/batch/batch.decider';
import { parts } from '#libs/messaging/batch/parts.process';
import { ATTEMPTS } from '#libs/messaging/message/delivery.process';
import { NativeMessageDto } from '#libs/messaging/message/messages.dto';
import { validatorOf } from '#libs/platform/validation/validator';
import { performAttempt } from '../../worker/attempts.js';
import { makeParts } from '../../worker/batch-parts.js';
import { Workshop, type Workplace } from '../../worker/testing/workshop.js';
import type { Answer, Asking, MessagePorts } from './asking.js';
import { acceptBatch, MADE_WITHIN_MS, queuedPart } from './batches.js';
import { Messages } from './messages.js';

let w: Workshop, requests = 0;
beforeAll(async () => { w = await Workshop.open(); });
afterAll(() => w.close());

const native = validatorOf(NativeMessageDto);
const asking = (idempotencyKey?: string, owner = 'o1'): Asking =>
  ({ principal: { owner, role: 'user', scopes: null, credential: { kind: 'api-token', id: 'c1' } }, requestId: `req_${++requests}`, ...(idempotencyKey ? { idempotencyKey } : {}) });
const portsOf = ({ ports }: Workplace): MessagePorts => ({ ...ports, views: w.engine.readModels, keyring: w.keyring, seeing: new Seeing(new Map(), w.engine.readModels, w.clock), accepted: () => {} });
const items = (count: number): object[] => Array.from({ length: count }, (_, i) => ({ to: `+1555${String(i).padStart(7, '0')}`, body: `part ${i}`, metadata: { i } }));
const accept = (place: Workplace, count: number, key?: string) => acceptBatch(portsOf(place), items(count), native, asking(key));
const all = (): boolean => true;

describe('a batch that was accepted', () => {
  it('shows each part as queued before it has a stream, to those who may see it', async () => {
    const { body } = await accept(w.first, CHUNK + 1);
    const id = `${String(body['batch'])}.${CHUNK}`;
    expect(await w.life(id)).toEqual([]);
    expect(await queuedPart(w.first.ports, id, all)).toEqual((body['results'] as { message: object }[])[CHUNK]!.message);
    expect(await queuedPart(w.first.ports, id, all)).toMatchObject({ id, status: 'queued', to: `+1555${String(CHUNK).padStart(7, '0')}`, body: `part ${CHUNK}`, metadata: { i: CHUNK }, batch: body['batch'] });
    expect(await queuedPart(w.first.ports, id, (owner) => owner === 'o2')).toBeNull();
    for (const nothing of [`${String(body['batch'])}.${CHUNK + 1}`, 'bat_nobody.0', 'msg_1', `${String(body['batch'])}.x`]) expect(await queuedPart(w.first.ports, nothing, all)).toBeNull();
    const messages = new Messages(portsOf(w.first));
    expect((await messages.show(id, asking())).body).toMatchObject({ id, status: 'queued', recent_attempts: [] });
    expect((await messages.life(id, {}, asking())).body).toEqual({ events: [], next: null });
    await expect(messages.show(id, asking(undefined, 'o2'))).rejects.toThrow('not_found');
  });
  it('T32 an administrator who is shown such a part is written down, as for any message', async () => {
    const { body } = await accept(w.first, 1);
    const id = `${String(body['batch'])}.0`;
    const own = asking(), ops: Asking = { ...asking(undefined, 'ops'), principal: { ...own.principal, owner: 'ops', role: 'admin' } };
    const messages = new Messages(portsOf(w.first));
    await messages.show(id, own);
    expect(await w.events(`look-${id}`)).toEqual([]);
    expect((await messages.show(id, ops)).body).toMatchObject({ id, body: 'part 0' });
    expect(await w.events(`look-${id}`)).toMatchObject([{ type: 'MessageLookedAt', data: { by: 'ops', what: 'message' } }]);
  });
  describe('cancelled before a part has its stream', () => {
    /** A part that waits to be made, and the request to cancel it under way. */
    const cancelling = async (): Promise<{ id: string; stream: string; cancelled: Promise<Answer> }> => {
      const { body } = await accept(w.first, 1);
      const stream = `batch-${String(body['batch'])}`, id = `${String(body['batch'])}.0`, before = w.clock.waits.length;
      const cancelled = new Messages(portsOf(w.another())).cancel(id, asking());
      cancelled.catch(() => {}); // looked at by whoever asked
      await until('the request waits for the part', () => w.clock.waits.length > before);
      return { id, stream, cancelled };
    };
    it('it waits until the part is made, then is cancelled, and nothing is ever sent', async () => {
      const { id, stream, cancelled } = await cancelling();
      expect(await w.life(id)).toEqual([]);
      expect(await makeParts(w.first.ports, await w.job(stream, parts))).toBe('done');
      expect(await cancelled).toMatchObject({ status: 200, body: { id, status: 'cancelled' } });
      expect(await performAttempt(w.another().ports, { topic: ATTEMPTS, stream: `message-${id}`, id: `${id}/1`, lane: 'sms' })).toBe('drop');
      expect(await w.life(id)).toEqual(['MessageAccepted', 'MessageCancelled']);
      expect(w.calls).toEqual([]);
    });
    it('nobody makes it: 503 that says when to ask again, nothing is cancelled, and once it is made the same request does it', async () => {
      const { id, stream, cancelled } = await cancelling();
      w.clock.pass(MADE_WITHIN_MS - 1);
      const waits = w.clock.waits.length;
      await until('it still waits', () => w.clock.waits.length > waits + 2);
      w.clock.pass(1);
      await expect(cancelled).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('nothing was cancelled'), extra: { retryAfter: 1 } });
      expect(await w.life(id)).toEqual([]);
      await makeParts(w.first.ports, await w.job(stream, parts));
      expect(await w.life(id)).toEqual(['MessageAccepted']);
      expect(await new Messages(portsOf(w.first)).cancel(id, asking())).toMatchObject({ status: 200, body: { id, status: 'cancelled' } });
    });
    it('somebody else is not kept waiting: there is no such part for him', async () => {
      const { body } = await accept(w.first, 1), before = w.clock.waits.length;
      await expect(new Messages(portsOf(w.first)).cancel(`${String(body['batch'])}.0`, asking(undefined, 'o2'))).rejects.toThrow('not_found');
      expect(w.clock.waits).toHaveLength(before);
    });
  });
  it('answers for a part as it answered at first, once it has a stream', async () => {
    const { body } = await accept(w.first, 2);
    const first = (body['results'] as { message: object }[])[1]!.message, id = `${String(body['batch'])}.1`;
    expect(await makeParts(w.first.ports, await w.job(`batch-${String(body['batch'])}`, parts))).toBe('done');
    expect((await new Messages(portsOf(w.first)).show(id, asking())).body).toEqual({ ...first, recent_attempts: [] });
  });
});

describe('a batch that was broken off before it was accepted', () => {
  it.each<[string, number, 'lost' | 'unanswered']>([['in its first chunk', 0, 'unanswered'], ['in its second chunk', 1, 'lost'], ['in its last chunk', 2, 'unanswered'], ['before its promise', 3, 'lost']])('%s: makes nothing, is not there, and its repeat completes it', async (_, after, how) => {
    const place = w.another(), key = `broken-${after}`;
    let done = 0;
    place.before = (c) => { if ((c instanceof AddBatchItems || c instanceof AcceptBatch) && done++ === after) place.fail(1, how); };
    await expect(accept(place, 2 * CHUNK + 1, key)).rejects.toThrow(Unavailable);
    const again = await accept(w.another(), 2 * CHUNK + 1, key);
    const batch = String(again.body['batch']);
    expect(again).toMatchObject({ status: 207, body: { accepted: 2 * CHUNK + 1, refused: 0 } });
    expect((await w.events(`batch-${batch}`)).map((e) => e.type)).toEqual(['BatchItemsAdded', 'BatchItemsAdded', 'BatchItemsAdded', 'BatchAccepted']);
    expect((await accept(w.another(), 2 * CHUNK + 1, key)).body).toEqual(again.body);
  });
  it('no part of it is there before', async () => {
    const place = w.another();
    place.before = (c) => { if (c instanceof AcceptBatch) place.fail(1, 'lost'); };
    await expect(accept(place, 1, 'never')).rejects.toThrow(Unavailable);
    const [, stream] = (await w.engine.eventStore.readAll(null, ['batch-'], 10_000)).events.map((e) => e.stream).slice(-2);
    expect(await queuedPart(w.another().ports, `${stream!.slice('batch-'.length)}.0`, all)).toBeNull();
    await expect(acceptBatch(portsOf(place), items(2), native, asking('never'))).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });
});

describe('a batch whose repeat is judged otherwise', () => {
  /** So many of the items name a gateway that the process may know or not. */
  const mixed = (count: number, picky: number[]): object[] => items(count).map((item, i) => (picky.includes(i) ? { ...item, gateway: 'extra' } : item));
  const knowing = (place: Workplace): MessagePorts => {
    const ports = portsOf(place), sms = [...ports.gateways.values()].find((g) => g.channel === 'sms')!;
    return { ...ports, gateways: new Map([...ports.gateways, ['extra', { ...sms, name: 'extra' }]]) };
  };
  const send = (ports: MessagePorts, list: object[], key: string) => acceptBatch(ports, list, native, asking(key));
  const statuses = (body: Record<string, unknown>): number[] => (body['results'] as { status: number }[]).map((r) => r.status);
  /** The items of each chunk, by their place in the request. */
  const stored = async (body: Record<string, unknown>): Promise<number[][]> => (await w.events(`batch-${String(body['batch'])}`))
    .filter((e) => e.type === 'BatchItemsAdded').map((e) => (e.data as { items: { index: number }[] }).items.map((i) => i.index));
  const range = (from: number, to: number, without: number[] = []): number[] => Array.from({ length: to - from }, (_, i) => from + i).filter((i) => !without.includes(i));
  const SIZE = 2 * CHUNK + 2;

  it('loses nothing that it promises: broken off after a chunk, with an item refused or accepted the second time', async () => {
    for (const [key, then] of [['refused-since', portsOf], ['good-since', knowing]] as const) {
      const place = w.another(), list = mixed(SIZE, [3]), before = then === portsOf ? knowing : portsOf;
      let added = 0;
      place.before = (c) => { if (c instanceof AddBatchItems && added++ === 1) place.fail(1, 'lost'); };
      await expect(send(before(place), list, key)).rejects.toThrow(Unavailable);
      const { body } = await send(then(w.another()), list, key);
      const without = then === portsOf ? [] : [3];
      expect(await stored(body)).toEqual([range(0, CHUNK, without), range(CHUNK, 2 * CHUNK), range(2 * CHUNK, SIZE)]);
      expect(body).toMatchObject({ accepted: SIZE - without.length, refused: without.length });
      expect(statuses(body)).toEqual(range(0, SIZE).map((i) => (without.includes(i) ? 422 : 202)));
      expect((await w.events(`batch-${String(body['batch'])}`)).at(-1)).toMatchObject({ type: 'BatchAccepted', data: { count: SIZE - without.length, chunks: 3 } });
    }
  });
  it('answers what is stored, also where nothing would be good now, and says so of what was refused at first', async () => {
    const list = mixed(SIZE, range(0, SIZE));
    const first = await send(knowing(w.another()), list, 'all-since');
    expect(statuses(first.body)).toEqual(list.map(() => 202));
    expect(await send(portsOf(w.another()), list, 'all-since')).toMatchObject({ status: 207, body: first.body, replayed: true });
    const some = mixed(2, [1]), second = await send(portsOf(w.another()), some, 'one-since');
    const again = await send(knowing(w.another()), some, 'one-since');
    expect([statuses(second.body), statuses(again.body)]).toEqual([[202, 422], [202, 422]]);
    expect(again.body).toMatchObject({ accepted: 1, refused: 1, results: [(second.body['results'] as object[])[0], { problem: { code: 'validation_failed', detail: expect.stringContaining('refused when the batch was first accepted') } }] });
  });
  it('two at once that judge otherwise: both answer the same items, and these are what is stored', async () => {
    const list = mixed(SIZE, [3, CHUNK + 3]);
    const both = await Promise.all([send(portsOf(w.another()), list, 'at-once'), send(knowing(w.another()), list, 'at-once')]);
    expect(statuses(both[0].body)).toEqual(statuses(both[1].body));
    expect((await stored(both[0].body)).flat()).toEqual(range(0, SIZE).filter((i) => statuses(both[0].body)[i] === 202));
  });
  it('a chunk in which nothing is good is empty, and the parts of the others are made; a batch of none makes nothing', async () => {
    const list = mixed(CHUNK + 1, range(0, CHUNK));
    const { body } = await send(portsOf(w.another()), list, 'hollow');
    expect(await stored(body)).toEqual([[], [CHUNK]]);
    for (let n = 0; n < 2; n++) expect(await makeParts(w.another().ports, await w.job(`batch-${String(body['batch'])}`, parts))).toBe('done');
    expect(await w.life(`${String(body['batch'])}.${CHUNK}`)).toEqual(['MessageAccepted']);
    expect((await w.events(`batch-${String(body['batch'])}`)).at(-1)).toMatchObject({ type: 'BatchPartsMade', data: { chunks: 2, made: 1 } });
    expect((await send(portsOf(w.another()), mixed(2, [0, 1]), 'none')).body).toMatchObject({ batch: null, accepted: 0, refused: 2 });
  });
});
