import { describe, expect, it } from '@jest/globals';
import { given } from '#libs/event-sourcing/testing/given';
import { accepted, at, cancelAsked, cancelled, dead, failed, notMade, sent, started, unknown, type MessageEvent } from '../testing/message-life.js';
import { ATTEMPTS, delivery, SETTLINGS } from './delivery.process.js';
import { message } from './message.decider.js';

const DAY = 86_400;
const next = (...past: MessageEvent[]) => given(message, ...past).next(delivery, 'msg_1');
const attempt = (n: number, dueAt: number, until: number) => ({ topic: ATTEMPTS, lane: 'sms', id: `msg_1/${n}`, dueAt: at(dueAt), until: at(until) });
const settling = (n: number, dueAt: number) => ({ topic: SETTLINGS, lane: '', id: `msg_1/${n}/settle`, dueAt: at(dueAt), holds: 'sms' });

describe('what is to be done next for a message', () => {
  it('that is not there: nothing', () => next().is(null));
  it('queued: its first attempt, until the span ends', () => next(accepted()).is(attempt(1, 0, DAY)));
  it('queued for later: then, the span counted from there', () => next(accepted({ sendAt: at(60) })).is(attempt(1, 60, DAY + 60)));
  it('with an expiry: until then', () => next(accepted({ expiresAt: at(90) })).is(attempt(1, 0, 90)));
  it('with an expiry beyond the span: until the span ends', () => next(accepted({ expiresAt: at(2 * DAY) })).is(attempt(1, 0, DAY)));
  it('sending: the settling, which holds a place of the gateway', () => next(accepted(), started(1, 5)).is(settling(1, 45)));
  it('sending, cancel asked for: the settling still', () => next(accepted(), started(1, 5), cancelAsked(6)).is(settling(1, 45)));
  it('retrying: the next attempt', () => next(accepted(), started(1, 0), failed(1, 1, at(3))).is(attempt(2, 3, DAY)));
  it('not made: the next number, at once', () => next(accepted(), started(1, 0), notMade(1, 6)).is(attempt(2, 6, DAY)));
  it('unknown, retried: the next attempt', () => next(accepted(), started(1, 0), unknown(1, 40, at(42))).is(attempt(2, 42, DAY)));
  it('unknown, held: waits for a person', () => next(accepted({ onUnknown: 'hold' }), started(1, 0), unknown(1, 40, null, { to: 'unknown' })).is(null));
  it('sent by a late word while the next attempt runs: that one is settled', () =>
    next(accepted(), started(1, 0), unknown(1, 40, at(42)), started(2, 42), sent(1, 43, { late: true })).is(settling(2, 82)));
  it.each<[string, MessageEvent[]]>([
    ['sent', [started(1, 0), sent(1, 1)]],
    ['sent late', [started(1, 0), unknown(1, 40, at(42)), sent(1, 41, { late: true, from: 'retrying' })]],
    ['failed', [started(1, 0), failed(1, 1, null, { temporary: false, to: 'failed' })]],
    ['dead', [started(1, 0), failed(1, 1, null), dead('attempts', 1)]],
    ['expired', [{ type: 'MessageExpired', data: { at: at(9), from: 'queued', to: 'expired' } }]],
    ['cancelled', [cancelled(1, 'queued')]],
    ['cancelled after its attempt was not made', [started(1, 0), cancelAsked(1), notMade(1, 6), cancelled(6, 'retrying')]],
  ])('%s: nothing', (_, past) => next(accepted(), ...past).is(null));
});

describe("what an event says of its gateway's health", () => {
  it.each<[string, MessageEvent, { lane: string; good: boolean } | null]>([
    ['sent: well', sent(1, 1), { lane: 'sms', good: true }],
    ['a final no: well', failed(1, 1, null, { temporary: false }), { lane: 'sms', good: true }],
    ['temporary: not well', failed(1, 1, at(3)), { lane: 'sms', good: false }],
    ['unknown: not well', unknown(1, 40, null), { lane: 'sms', good: false }],
    ['a late success: of then, not of now', sent(1, 41, { late: true }), null],
    ['a late no: of then, not of now', failed(1, 41, null, { late: true }), null],
    ['accepted', accepted(), null], ['started', started(1, 0), null], ['not made: our own fault', notMade(1, 6), null], ['cancelled', cancelled(1, 'queued'), null], ['dead', dead('span', DAY), null],
  ])('%s', (_, event, health) => expect(delivery.health!(event)).toEqual(health));
});
