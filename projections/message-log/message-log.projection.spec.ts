import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { StoredEvent } from '#libs/event-sourcing/event';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { ReadModels, RowChange } from '#libs/event-sourcing/ports/read-models';
import { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import { collectionOf, projecting } from '#libs/event-sourcing/running/projecting';
import { happened, projected, stateAfter } from '#libs/event-sourcing/testing/given';
import { message } from '#libs/messaging/message/message.decider';
import { accepted, at, cancelAsked, cancelled, dead, failed, notMade, sent, started, unknown, type MessageEvent } from '#libs/messaging/testing/message-life';
import { messageLog, type LoggedMessage } from './message-log.projection.js';

const life = (id: string, ...events: MessageEvent[]): StoredEvent[] => events.map((e, i) => happened(message, `message-${id}`, i, e.type, e.data));
const row = (...events: MessageEvent[]): LoggedMessage => projected(messageLog, life('m1', ...events)).get('m1')!;
const expiry: MessageEvent = { type: 'MessageExpired', data: { at: at(9), from: 'queued', to: 'expired' } };

/** One life for each way that a message can go. */
const LIVES: Record<string, MessageEvent[]> = {
  queued: [accepted()],
  later: [accepted({ sendAt: at(60), batch: 'bat_1', recipient: null, sender: '+15559999999', shape: 's1', receipts: true })],
  sending: [accepted(), started(1, 0)],
  'asked to cancel': [accepted(), started(1, 0), cancelAsked(1)],
  retrying: [accepted(), started(1, 0), failed(1, 1, at(3))],
  'not made': [accepted(), started(1, 0), notMade(1, 6)],
  sent: [accepted(), started(1, 0), failed(1, 1, at(3)), started(2, 3), sent(2, 4)],
  failed: [accepted(), started(1, 0), failed(1, 1, null, { temporary: false, to: 'failed', problem: 'rejected' })],
  dead: [accepted(), started(1, 0), failed(1, 1, null), dead('attempts', 1)],
  expired: [accepted({ expiresAt: at(9) }), expiry],
  held: [accepted({ onUnknown: 'hold' }), started(1, 0), unknown(1, 40, null, { to: 'unknown' })],
  'held, sent after all': [accepted({ onUnknown: 'hold' }), started(1, 0), unknown(1, 40, null, { to: 'unknown' }), sent(1, 50, { late: true, from: 'unknown' })],
  'sent late, the next one failed': [accepted(), started(1, 0), unknown(1, 40, at(42)), started(2, 42), sent(1, 43, { late: true }), failed(2, 44, null, { from: 'sent', to: 'sent' })],
  'sent late, the next one sent too': [accepted(), started(1, 0), unknown(1, 40, at(42)), started(2, 42), sent(1, 43, { late: true }), sent(2, 44, { from: 'sent' })],
  cancelled: [accepted(), started(1, 0), cancelAsked(1), failed(1, 2, null), cancelled(2, 'retrying')],
  'cancelled, sent after all': [accepted(), started(1, 0), unknown(1, 40, at(42)), cancelled(41, 'retrying'), sent(1, 43, { late: true, from: 'cancelled', to: 'cancelled' })],
};

describe('the message log', () => {
  it('shows an accepted message', () => expect(row(...LIVES['later']!)).toEqual({
    owner: 'o1', status: 'queued', channel: 'sms', gateway: 'sms', shape: 's1', recipient: null, sender: expect.stringContaining('s1|sub_+15559999999|'), subject: 'sub_+15559999999',
    acceptedAt: at(0), sendAt: at(60), attempts: 0, nextAttemptAt: at(60), problem: null, sentAt: null, endedAt: null, receipts: true, segments: 1, batch: 'bat_1',
  }));
  it.each<[string, Partial<LoggedMessage>]>([
    ['sending', { status: 'sending', attempts: 1, nextAttemptAt: null }],
    ['retrying', { status: 'retrying', attempts: 1, nextAttemptAt: at(3), problem: 'connect', endedAt: null }],
    ['not made', { status: 'retrying', attempts: 1, nextAttemptAt: at(6), problem: null }],
    ['sent', { status: 'sent', attempts: 2, nextAttemptAt: null, problem: null, sentAt: at(4), endedAt: at(4) }],
    ['failed', { status: 'failed', problem: 'rejected', endedAt: at(1), sentAt: null }],
    ['dead', { status: 'dead', problem: 'connect', nextAttemptAt: null, endedAt: at(1) }],
    ['expired', { status: 'expired', nextAttemptAt: null, endedAt: at(9) }],
    ['held', { status: 'unknown', problem: 'timeout', nextAttemptAt: null, endedAt: null }],
    ['held, sent after all', { status: 'sent', problem: null, sentAt: at(50), endedAt: at(50) }],
    ['cancelled', { status: 'cancelled', endedAt: at(2) }],
    ['cancelled, sent after all', { status: 'cancelled', sentAt: at(43), endedAt: at(41) }],
  ])('%s', (name, shown) => expect(row(...LIVES[name]!)).toMatchObject(shown));
  it.each(Object.entries(LIVES))('%s: shows what the message itself says', (_, events) => {
    for (let i = 1; i <= events.length; i++) {
      const m = stateAfter(message, events.slice(0, i), 'm1');
      expect(row(...events.slice(0, i))).toMatchObject({ status: m.status, owner: m.owner, attempts: m.attempts, nextAttemptAt: m.dueAt, sentAt: m.sentAt, endedAt: m.endedAt, subject: m.subject, batch: m.batch });
    }
  });
  it('a problem of an attempt that followed a late success is not the message\'s', () => expect(row(...LIVES['sent late, the next one failed']!)).toMatchObject({ status: 'sent', problem: null }));
  it('does not pass over an event without its beginning', () => expect(() => projected(messageLog, life('m1', ...LIVES['sent']!).slice(1))).toThrow('before MessageAccepted'));
});

/** Rows in memory, under the rule of the port; fails when told, before or after the rows or the whole was written. */
class Rows implements Pick<ReadModels, 'define' | 'getMany' | 'apply' | 'checkpoint' | 'mark' | 'find'> {
  rows = new Map<string, RowChange>();
  at: string | null = null;
  fail: 'before' | 'between' | 'after' | null = null;
  define = async (): Promise<void> => {};
  find = async (): Promise<never[]> => [];
  checkpoint = async (): Promise<string | null> => this.at;
  mark = async (): Promise<null> => null;
  getMany = async (_: string, ids: readonly string[]): Promise<Map<string, RowChange>> => new Map(ids.filter((id) => this.rows.has(id)).map((id) => [id, this.rows.get(id)!]));
  apply = async (collection: string, rows: readonly RowChange[], checkpoint: string | null): Promise<void> => {
    expect(collection).toBe(collectionOf(messageLog));
    const fail = this.fail;
    this.fail = null;
    if (fail === 'before') throw new Unavailable('views');
    for (const r of rows) if ((this.rows.get(r.id)?.position ?? '') < r.position) this.rows.set(r.id, structuredClone(r));
    if (fail === 'between') throw new Unavailable('views');
    if (checkpoint !== null && checkpoint > (this.at ?? '')) this.at = checkpoint;
    if (fail === 'after') throw new Unavailable('views');
  };
}

/** All lives, shuffled into one another: each stream keeps its order. */
const logOf = (order: readonly number[]): StoredEvent[] => {
  const left = Object.values(LIVES).map((events, i) => life(`m${i}`, ...events));
  const log: StoredEvent[] = [];
  for (let turn = 0; left.some((l) => l.length > 0); turn++) {
    const open = left.filter((l) => l.length > 0);
    log.push(open[(order[turn % order.length] ?? 0) % open.length]!.shift()!);
  }
  return log.map((e, i) => ({ ...e, position: String(i + 1).padStart(16, '0') }));
};

describe('however the log reaches it', () => {
  const registry = new EventRegistry([message]);
  it('batches cut anywhere, given again, a crash before, amid or after each write: the same rows', () => fc.assert(fc.asyncProperty(
    fc.array(fc.nat(20), { minLength: 5, maxLength: 80 }),
    fc.array(fc.record({ size: fc.integer({ min: 1, max: 12 }), fate: fc.constantFrom('well', 'well', 'again', 'before', 'between', 'after', 'restart'), cache: fc.constantFrom(1, 3, 100) }), { minLength: 1, maxLength: 60 }),
    async (order, steps) => {
      const log = logOf(order);
      const store = { head: async () => log.at(-1)!.position } as unknown as EventStore;
      const views = new Rows();
      const open = (cache: number) => projecting(messageLog, store, views as unknown as ReadModels, registry, cache);
      let follower = open(3), from = await follower.start() ?? '', turn = 0;
      for (; (views.at ?? '') < log.at(-1)!.position; turn++) {
        const { size, fate, cache } = turn < steps.length ? steps[turn]! : { size: 7, fate: 'well', cache: 3 };
        if (fate === 'restart') { follower = open(cache); from = await follower.start() ?? ''; continue; }
        const events = log.filter((e) => e.position > from).slice(0, size);
        const batch = { events, position: events.at(-1)!.position };
        if (fate === 'before' || fate === 'between' || fate === 'after') views.fail = fate;
        try {
          await follower.handle(batch);
          if (fate === 'again') await follower.handle(batch);
          from = batch.position;
        } catch (error) {
          expect(error).toBeInstanceOf(Unavailable);
          // half of the time by the same program (its line was cut), else by the one started after it
          if (turn % 2 === 0) follower = open(cache);
          from = await follower.start() ?? '';
        }
      }
      expect(follower.parked()).toBe(0);
      expect(new Map([...views.rows].map(([id, r]) => [id, r.row]))).toEqual(projected(messageLog, log));
    }), { numRuns: 150 }));
});
