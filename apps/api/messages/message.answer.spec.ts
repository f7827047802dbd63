import { describe, expect, it } from '@jest/globals';
import { happened, stateAfter } from '#libs/event-sourcing/testing/given';
import { message } from '#libs/messaging/message/message.decider';
import { MESSAGE_STATUSES } from '#libs/messaging/message/message.events';
import { accepted, at, cancelAsked, failed, notMade, sent, started, unknown, type MessageEvent } from '#libs/messaging/testing/message-life';
import { attemptsAnswer, messageAnswer, s1Status } from './message.answer.js';

const opened = { recipient: '+15551234567', sender: null, body: 'hello', metadata: '{"k":1}' };
const attempts = (...events: MessageEvent[]): unknown[] => attemptsAnswer(events.map((e, i) => ({ ...happened(message, 'message-1', i, e.type, e.data), data: e.data })), 20);

describe("what S1 calls a status: product.md's table", () => {
  it('without receipts', () => expect(Object.fromEntries(MESSAGE_STATUSES.map((s) => [s, s1Status(s, false)]))).toEqual({
    queued: 'Pending', sending: 'Pending', retrying: 'Pending', sent: 'Delivered', delivered: 'Delivered', failed: 'Failed', dead: 'Failed', expired: 'Failed', cancelled: 'Failed', unknown: 'Failed',
  }));
  it('with receipts, sent is on its way still', () => expect(MESSAGE_STATUSES.filter((s) => s1Status(s, true) !== s1Status(s, false))).toEqual(['sent']));
});

describe('a message as it is answered', () => {
  it('retrying: the attempt, and when the next one is', () => expect(messageAnswer('msg_1', stateAfter(message, [accepted(), started(1, 0), failed(1, 1, at(3))]), opened)).toMatchObject({
    id: 'msg_1', status: 'retrying', attempts: 1, next_attempt_at: at(3), to: '+15551234567', body: 'hello', metadata: { k: 1 }, erased: false, cancel_requested: false, sent_at: null, delivered_at: null, ended_at: null,
  }));
  it('a cancel that was asked for', () => expect(messageAnswer('msg_1', stateAfter(message, [accepted(), started(1, 0), cancelAsked(1)]), opened)).toMatchObject({ status: 'sending', cancel_requested: true }));
  it('sent counts as delivered only where no receipt will come', () => {
    for (const receipts of [false, true]) expect(messageAnswer('msg_1', stateAfter(message, [accepted({ receipts }), started(1, 0), sent(1, 1)]), opened)).toMatchObject({ sent_at: at(1), delivered_at: receipts ? null : at(1), ended_at: at(1) });
  });
  it('erased: says so, and holds nothing', () => expect(messageAnswer('msg_1', stateAfter(message, [accepted()]), { recipient: null, sender: null, body: null, metadata: null })).toMatchObject({ erased: true, to: null, body: null, metadata: null, status: 'queued' }));
});

describe('attempts as they are answered', () => {
  it('newest first, each with its start and its end', () => expect(attempts(started(1, 0), failed(1, 1, at(3), { problem: 'status', status: 503, answer: 'busy' }), started(2, 3), unknown(2, 33, at(37)), started(3, 37), notMade(3, 43), started(4, 43))).toEqual([
    { n: 4, started_at: at(43), finished_at: null, outcome: 'under_way', problem: null, status_code: null, duration_ms: null, retry_at: null, answer: null },
    { n: 3, started_at: at(37), finished_at: at(43), outcome: 'not_made', problem: null, status_code: null, duration_ms: null, retry_at: at(43), answer: null },
    { n: 2, started_at: at(3), finished_at: at(33), outcome: 'unknown', problem: 'timeout', status_code: null, duration_ms: null, retry_at: at(37), answer: null },
    { n: 1, started_at: at(0), finished_at: at(1), outcome: 'failed', problem: 'status', status_code: 503, duration_ms: 12, retry_at: at(3), answer: 'busy' },
  ]));
  it('a late word replaces unknown', () => expect(attempts(started(1, 0), unknown(1, 40, at(42)), sent(1, 41, { late: true, from: 'retrying' }))).toEqual([expect.objectContaining({ n: 1, outcome: 'sent', problem: null, status_code: 200, finished_at: at(41) })]));
  it('no more than asked for', () => expect(attempts(...Array.from({ length: 60 }, (_, i) => (i % 2 ? failed((i + 1) / 2, i, at(i + 1)) : started(i / 2 + 1, i))))).toHaveLength(20));
});
