import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stateOf } from '#libs/event-sourcing/decider';
import type { EventOf } from '#libs/event-sourcing/event';
import { given, stateAfter, storedAs } from '#libs/event-sourcing/testing/given';
import { at, context, S3_POLICY } from '../testing/message-life.js';
import { AcceptBatch, AddBatchItems, batch, RecordPartsMade, type Batch, type BatchItem } from './batch.decider.js';
import type { BatchEvents } from './batch.events.js';
import { BATCH_PARTS, parts } from './parts.process.js';

type BatchEvent = EventOf<BatchEvents, 'plain'>;
const item = (index: number, over: Partial<BatchItem> = {}): BatchItem =>
  ({ index, channel: 'sms', gateway: 'sms', address: 'number', recipient: `+1555000${index}`, body: 'hello', metadata: null, segments: 1, sendAt: null, expiresAt: null, ...over });
const chunk = (n: number, items = [item(n)]) => ({ owner: 'o1', chunk: n, fingerprint: 'the request', terms: { sms: { policy: S3_POLICY, deadlineMs: 30_000, onUnknown: 'retry' as const, receipts: false } }, items });
const add = (n: number): AddBatchItems => new AddBatchItems('1', chunk(n), context);
const accept = (count: number): AcceptBatch => new AcceptBatch('1', { count }, context);
const made = (n: number, skipped: number[] = []): RecordPartsMade => new RecordPartsMade('1', { chunk: n, items: 1, skipped }, context);
const added = (n: number, s = 0): BatchEvent => ({ type: 'BatchItemsAdded', data: { ...chunk(n), at: at(s) } });
const accepted = (count: number, chunks: number, s = 0): BatchEvent => ({ type: 'BatchAccepted', data: { count, chunks, at: at(s) } });
const partsMade = (chunks: number, s = 0, skipped: number[] = []): BatchEvent => ({ type: 'BatchPartsMade', data: { chunks, made: chunks, skipped, at: at(s) } });

describe('a batch', () => {
  it('takes its chunks in order, each once', () => {
    given(batch).when(add(0), at(0)).then(added(0));
    given(batch).when(add(1), at(0)).thenNothing();
    given(batch, added(0)).when(add(0), at(1)).thenNothing();
    given(batch, added(0)).when(add(1), at(1)).then(added(1, 1));
  });
  it('is accepted once, and then takes no more', () => {
    given(batch, added(0), added(1)).when(accept(2), at(1)).then(accepted(2, 2, 1));
    given(batch, added(0), accepted(1, 1)).when(accept(1), at(1)).thenNothing();
    given(batch, added(0), accepted(1, 1)).when(add(1), at(1)).thenNothing();
  });
  it('is not accepted without any chunk: it would be nobody\'s', () => given(batch).when(accept(0), at(0)).thenNothing());
  it('records the parts of each chunk once, in order', () => {
    const two = [added(0), added(1), accepted(2, 2)];
    given(batch, ...two).when(made(0, [3]), at(2)).then(partsMade(1, 2, [3]));
    given(batch, ...two).when(made(1), at(2)).thenNothing();
    given(batch, ...two, partsMade(1)).when(made(0), at(2)).thenNothing();
    given(batch, ...two, partsMade(1), partsMade(2)).when(made(2), at(2)).thenNothing();
  });
  it('makes nothing before it was accepted, then a chunk at a time, then nothing more', () => {
    const due = (n: number) => ({ topic: BATCH_PARTS, lane: '', id: `bat_1/${n}`, dueAt: at(0) });
    given(batch).next(parts, 'bat_1').is(null);
    given(batch, added(0), added(1)).next(parts, 'bat_1').is(null);
    given(batch, added(0), added(1), accepted(2, 2, 5)).next(parts, 'bat_1').is(due(0));
    given(batch, added(0), added(1), accepted(2, 2, 5), partsMade(1)).next(parts, 'bat_1').is(due(1));
    given(batch, added(0), added(1), accepted(2, 2, 5), partsMade(1), partsMade(2)).next(parts, 'bat_1').is(null);
  });
  it('is kept by the latest day on which one of a chunk is due', () => {
    const event = (over: Partial<BatchItem>): BatchEvent => ({ type: 'BatchItemsAdded', data: { ...chunk(0, [item(0), item(1, over)]), at: at(0) } });
    expect(batch.period(batch.initial, event({}))).toEqual({ category: 'messages.batch', day: '2030-01-01' });
    expect(batch.period(batch.initial, event({ sendAt: at(172_800) }))).toEqual({ category: 'messages.batch', day: '2030-01-03' });
    expect(batch.period(batch.initial, event({ sendAt: at(-172_800) }))).toEqual({ category: 'messages.batch', day: '2030-01-01' });
    expect(batch.period(stateAfter(batch, [added(0)]), accepted(1, 1, 99_999))).toEqual({ category: 'messages.batch', day: '2030-01-01' });
  });
  it('holds no item in its state, and belongs to its owner', () => {
    const state = stateAfter(batch, [added(0), added(1), accepted(2, 2)]);
    expect(state).toEqual({ owner: 'o1', fingerprint: 'fingerprint:the request', acceptedAt: at(0), chunks: 2, count: 2, accepted: true, made: 0, items: 0 });
    expect(batch.tags(state)).toEqual({ owner: 'o1', acceptedAt: at(0) });
  });
  it('seals numbers, texts and metadata, each for its recipient', () => {
    const text = JSON.stringify(storedAs(batch, { type: 'BatchItemsAdded', data: { ...chunk(0, [item(7, { body: 'a secret', metadata: '{"k":1}' })]), at: at(0) } }).data);
    for (const secret of ['a secret', '{\\"k\\":1}', '"the request"']) expect(text).not.toContain(secret);
    for (const field of ['recipient', 'body', 'metadata']) expect(text).toContain(`s1|sub_+15550007|test|2030-01-01|items.7.${field}|BatchItemsAdded|0|batch-1|`);
  });
  it('whatever is asked of it: each chunk once and in order, accepted once, never more made than there is', () => fc.assert(fc.property(
    fc.array(fc.oneof(fc.nat(4).map(add), fc.constant(accept(3)), fc.nat(4).map((n) => made(n))), { maxLength: 30 }), (commands) => {
      let state = batch.initial;
      const events: BatchEvent[] = [];
      for (const c of commands) {
        const decided = (batch.decide as unknown as Record<string, (s: unknown, d: object, now: string, id: string) => BatchEvent[]>)[c.constructor.name]!(state, c.data, at(0), '1');
        for (const e of decided) state = stateOf<Batch, BatchEvents>(batch, [{ ...storedAs(batch, e, events.push(e) - 1), metadata: {} }] as never, state);
        expect(state.made).toBeLessThanOrEqual(state.chunks);
      }
      const of = (type: BatchEvent['type']): BatchEvent[] => events.filter((e) => e.type === type);
      expect(of('BatchItemsAdded').map((e) => (e.data as { chunk: number }).chunk)).toEqual(of('BatchItemsAdded').map((_, i) => i));
      expect(of('BatchPartsMade').map((e) => (e.data as { chunks: number }).chunks)).toEqual(of('BatchPartsMade').map((_, i) => i + 1));
      expect(of('BatchAccepted').length).toBeLessThanOrEqual(1);
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    })));
});
