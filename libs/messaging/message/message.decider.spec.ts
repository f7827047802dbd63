import { describe, expect, it } from '@jest/globals';
import { given, stateAfter } from '#libs/event-sourcing/testing/given';
import {
  accept, acceptance, accepted, at, cancel, cancelAsked, cancelled, dead, failed, NO, notMade, record, recordNotMade, sent, settle, start, started, TEMPORARY, UNKNOWN, unknown, YES,
} from '../testing/message-life.js';
import { message } from './message.decider.js';

const NO_EVENT = { problem: 'rejected', status: 200, answer: 'ERR', temporary: false, to: 'failed' } as const;

describe('accepting a message', () => {
  it('is due at once unless told', () => given(message).when(accept(), at(0)).then(accepted()));
  it('is due when it was asked for', () => given(message).when(accept({ sendAt: at(60) }), at(0)).then(accepted({ sendAt: at(60) })));
  it('is due at once where that moment is past', () => given(message).when(accept({ sendAt: at(-60) }), at(0)).then(accepted()));
  it('keeps the moment of its batch', () => given(message).when(accept({ acceptedAt: at(-5), batch: 'bat_1' }), at(0)).then(accepted({ acceptedAt: at(-5), sendAt: at(-5), batch: 'bat_1' })));
  it('is refused where its expiry leaves no time to send, a part of a batch not: that was judged with its batch', () => {
    given(message).when(accept({ expiresAt: at(0) }), at(0)).thenRefused('validation_failed');
    given(message).when(accept({ expiresAt: at(50), sendAt: at(50) }), at(0)).thenRefused('validation_failed');
    given(message).when(accept({ expiresAt: at(0.001) }), at(0)).then(accepted({ expiresAt: at(0.001) }));
    given(message).when(accept({ expiresAt: at(5), acceptedAt: at(6) }), at(9)).then(accepted({ expiresAt: at(5), acceptedAt: at(6), sendAt: at(6) }));
    given(message, accepted({ expiresAt: at(5) })).when(accept({ expiresAt: at(5) }), at(9)).thenNothing();
  });
  it('happens once', () => given(message, accepted()).when(accept({ body: 'another' }), at(1)).thenNothing());
  it('names owner, batch, subject and day in its tags', () => expect(message.tags(stateAfter(message, [accepted({ batch: 'bat_1' })])))
    .toEqual({ owner: 'o1', parent: 'bat_1', subjects: ['sub_+15551234567'], acceptedAt: at(0) }));
  it('is kept by the later of the days on which it was accepted and is due', () => {
    expect(message.period(message.initial, accepted())).toEqual({ category: 'messages.sms', day: '2030-01-01' });
    expect(message.period(message.initial, accepted({ sendAt: at(86_400) }))).toEqual({ category: 'messages.sms', day: '2030-01-02' });
    expect(message.period(stateAfter(message, [accepted({ sendAt: at(86_400) })]), sent(1, 0))).toEqual({ category: 'messages.sms', day: '2030-01-02' });
  });
  it("belongs to its recipient, S1's to its sender", () => {
    expect(stateAfter(message, [accepted({ sender: '+15559999999' })]).subject).toBe('sub_+15551234567');
    expect(stateAfter(message, [accepted({ recipient: null, sender: '+15559999999' })]).subject).toBe('sub_+15559999999');
  });
});

describe('claiming an attempt', () => {
  it('starts the first', () => given(message, accepted()).when(start(1), at(0)).then(started(1, 0)));
  it('is refused for whoever comes second', () => given(message, accepted(), started(1, 0)).when(start(1), at(0)).thenRefused('conflict'));
  it('is refused while another runs', () => given(message, accepted(), started(1, 0)).when(start(2), at(0)).thenRefused('conflict'));
  it.each([0, 2, 3])('is refused for attempt %d where 1 is next', (n) => given(message, accepted()).when(start(n), at(0)).thenRefused('conflict'));
  it('is refused where there is no message', () => given(message).when(start(1), at(0)).thenRefused('conflict'));
  it('counts on', () => given(message, accepted(), started(1, 0), failed(1, 1, at(3))).when(start(2), at(3)).then(started(2, 3)));
  it('ends the message past its expiry', () => {
    given(message, accepted({ expiresAt: at(60) })).when(start(1), at(60)).then({ type: 'MessageExpired', data: { at: at(60), from: 'queued', to: 'expired' } });
    given(message, accepted({ expiresAt: at(60) })).when(start(1), at(59.999)).then(started(1, 59.999));
    given(message, accepted({ expiresAt: at(60) }), started(1, 0), failed(1, 1, at(61))).when(start(2), at(61)).then({ type: 'MessageExpired', data: { at: at(61), from: 'retrying', to: 'expired' } });
  });
  it('ends the message past the span, counted from its first due time', () => {
    given(message, accepted()).when(start(1), at(86_400)).then(dead('span', 86_400, 'queued'));
    given(message, accepted({ sendAt: at(3_600) })).when(start(1), at(86_400)).then(started(1, 86_400));
    given(message, accepted({ sendAt: at(3_600) })).when(start(1), at(90_000)).then(dead('span', 90_000, 'queued'));
  });
  it('calls it expired where both are past', () => given(message, accepted({ expiresAt: at(60) })).when(start(1), at(90_000)).then({ type: 'MessageExpired', data: { at: at(90_000), from: 'queued', to: 'expired' } }));
  it.each([['sent', sent(1, 1)], ['failed', failed(1, 1, null, NO_EVENT)], ['unknown', unknown(1, 1, null, { to: 'unknown' })]])('is refused once it is %s', (_, end) =>
    given(message, accepted(), started(1, 0), end).when(start(2), at(9)).thenRefused('conflict'));
});

describe('the outcome of an attempt', () => {
  const running = [accepted(), started(1, 0)];
  it('sent: the end', () => given(message, ...running).when(record(1, YES), at(1)).then(sent(1, 1)));
  it('temporary: again after the policy\'s delay', () => given(message, ...running).when(record(1, TEMPORARY), at(1)).then(failed(1, 1, at(3))));
  it('the delay grows, up to its most', () => {
    const third = accepted({ policy: { kind: 'exponential', minMs: 2_000, maxMs: 5_000, attempts: 9, spanMs: 86_400_000, jitter: 0 } });
    given(message, third, started(1, 0), failed(1, 1, at(3)), started(2, 3)).when(record(2, TEMPORARY), at(4)).then(failed(2, 4, at(8)));
    given(message, third, started(1, 0), failed(1, 1, at(3)), started(2, 3), failed(2, 4, at(8)), started(3, 8)).when(record(3, TEMPORARY), at(9)).then(failed(3, 9, at(14)));
  });
  it('Retry-After: not before, and never sooner than the policy says', () => {
    given(message, ...running).when(record(1, { ...TEMPORARY, retryAfterMs: 60_000 }), at(1)).then(failed(1, 1, at(61)));
    given(message, ...running).when(record(1, { ...TEMPORARY, retryAfterMs: 1_000 }), at(1)).then(failed(1, 1, at(3)));
  });
  it('the gateway\'s no: the end', () => given(message, ...running).when(record(1, NO), at(1)).then(failed(1, 1, null, NO_EVENT)));
  it('unknown: retried where the gateway says retry', () => given(message, ...running).when(record(1, UNKNOWN), at(30)).then(unknown(1, 30, at(32))));
  it('unknown: held where the gateway says hold', () => given(message, accepted({ onUnknown: 'hold' }), started(1, 0)).when(record(1, UNKNOWN), at(30)).then(unknown(1, 30, null, { to: 'unknown' })));
  it('the last attempt of the policy: dead', () => {
    const past = [accepted(), started(1, 0), failed(1, 1, at(3)), started(2, 3), failed(2, 4, at(8)), started(3, 8)];
    given(message, ...past).when(record(3, TEMPORARY), at(9)).then(failed(3, 9, null), dead('attempts', 9));
    given(message, ...past).when(record(3, UNKNOWN), at(9)).then(unknown(3, 9, null), dead('attempts', 9));
    given(message, ...past).when(record(3, YES), at(9)).then(sent(3, 9));
  });
  it('twice: nothing the second time', () => {
    given(message, ...running, sent(1, 1)).when(record(1, YES), at(2)).thenNothing();
    given(message, ...running, failed(1, 1, at(3))).when(record(1, TEMPORARY), at(2)).thenNothing();
    given(message, ...running, unknown(1, 30, at(32))).when(record(1, UNKNOWN), at(31)).thenNothing();
  });
  it('of an attempt that never was: nothing', () => {
    given(message).when(record(1, YES), at(1)).thenNothing();
    given(message, accepted()).when(record(1, YES), at(1)).thenNothing();
    given(message, ...running).when(record(2, YES), at(1)).thenNothing();
  });
  it('not made: at once again, and nothing is used up', () => {
    given(message, ...running).when(recordNotMade(1), at(6)).then(notMade(1, 6));
    given(message, ...running, notMade(1, 6)).when(recordNotMade(1), at(7)).thenNothing();
    expect(stateAfter(message, [...running, notMade(1, 6)])).toMatchObject({ attempts: 1, used: 0, dueAt: at(6), running: null });
    const last = [...running, notMade(1, 6), started(2, 6), failed(2, 7, at(9)), started(3, 9), failed(3, 10, at(14)), started(4, 14)];
    given(message, ...last).when(record(4, TEMPORARY), at(15)).then(failed(4, 15, null), dead('attempts', 15));
  });
});

describe('an outcome that comes late, after the attempt was given up as unknown', () => {
  const late = { late: true } as const;
  const retrying = [accepted(), started(1, 0), unknown(1, 40, at(42))];
  const held = [accepted({ onUnknown: 'hold' }), started(1, 0), unknown(1, 40, null, { to: 'unknown' })];
  const again = [...retrying, started(2, 42)];
  it('a success cancels the attempt that has not begun', () => {
    given(message, ...retrying).when(record(1, YES), at(41)).then(sent(1, 41, { ...late, from: 'retrying' }));
    given(message, ...retrying, sent(1, 41, { ...late, from: 'retrying' })).when(start(2), at(42)).thenRefused('conflict');
  });
  it('a success ends the question of a held message', () => given(message, ...held).when(record(1, YES), at(41)).then(sent(1, 41, { ...late, from: 'unknown' })));
  it('a success while the next one runs: sent, and the next one only adds its own truth', () => {
    given(message, ...again).when(record(1, YES), at(43)).then(sent(1, 43, late));
    const both = [...again, sent(1, 43, late)];
    given(message, ...both).when(record(2, YES), at(44)).then(sent(2, 44, { from: 'sent' }));
    given(message, ...both).when(record(2, TEMPORARY), at(44)).then(failed(2, 44, null, { from: 'sent', to: 'sent' }));
    given(message, ...both).when(record(2, NO), at(44)).then(failed(2, 44, null, { ...NO_EVENT, from: 'sent', to: 'sent' }));
    given(message, ...both).when(settle(2), at(82)).then(unknown(2, 82, null, { problem: 'lost', from: 'sent', to: 'sent' }));
    given(message, ...both).when(recordNotMade(2), at(44)).then(notMade(2, 44, { from: 'sent', to: 'sent' }));
    expect(stateAfter(message, [...both, sent(2, 44, { from: 'sent' })])).toMatchObject({ status: 'sent', sentAt: at(43), endedAt: at(43) });
  });
  it('a temporary no leaves the next attempt where it is', () => given(message, ...retrying).when(record(1, TEMPORARY), at(41)).then(failed(1, 41, at(42), { ...late, from: 'retrying' })));
  it('a temporary no of a held message: it is tried again', () => given(message, ...held).when(record(1, TEMPORARY), at(41)).then(failed(1, 41, at(43), { ...late, from: 'unknown' })));
  it('a temporary no of a held message, the policy used up: dead', () => {
    const used = accepted({ onUnknown: 'hold', policy: { kind: 'constant', everyMs: 1_000, attempts: 1, spanMs: 86_400_000, jitter: 0 } });
    given(message, used, started(1, 0), unknown(1, 40, null, { to: 'unknown' })).when(record(1, TEMPORARY), at(41)).then(failed(1, 41, null, { ...late, from: 'unknown' }), dead('attempts', 41));
  });
  it('a final no is that attempt\'s failure: none follows', () => {
    given(message, ...retrying).when(record(1, NO), at(41)).then(failed(1, 41, null, { ...NO_EVENT, ...late, from: 'retrying' }));
    given(message, ...held).when(record(1, NO), at(41)).then(failed(1, 41, null, { ...NO_EVENT, ...late, from: 'unknown' }));
  });
  it('a no while the next one runs: that one decides', () => given(message, ...again).when(record(1, NO), at(43)).then(failed(1, 43, null, { ...NO_EVENT, ...late, to: 'sending' })));
  it('is taken on the last 16 such attempts: the state does not grow with its history', () => {
    const many = [accepted({ policy: { kind: 'constant', everyMs: 1_000, attempts: 99, spanMs: 86_400_000, jitter: 0 } }), ...Array.from({ length: 20 }, (_, i) => [started(i + 1, 50 * i, i === 0 ? {} : { from: 'retrying' }), unknown(i + 1, 50 * i + 40, at(50 * i + 41))]).flat()];
    expect(stateAfter(message, many).open).toEqual(Array.from({ length: 16 }, (_, i) => i + 5));
    given(message, ...many).when(record(4, YES), at(2_000)).thenNothing();
    given(message, ...many).when(record(5, YES), at(2_000)).then(sent(5, 2_000, { ...late, from: 'retrying' }));
  });
  it('counts once', () => {
    given(message, ...retrying, sent(1, 41, { ...late, from: 'retrying' })).when(record(1, YES), at(43)).thenNothing();
    given(message, ...retrying, failed(1, 41, at(42), { ...late, from: 'retrying' })).when(record(1, YES), at(43)).thenNothing();
  });
  it('never wakes a message that came to another end', () => {
    given(message, ...retrying, cancelled(41, 'retrying')).when(record(1, YES), at(43)).then(sent(1, 43, { ...late, from: 'cancelled', to: 'cancelled' }));
    given(message, ...retrying, cancelled(41, 'retrying')).when(record(1, TEMPORARY), at(43)).then(failed(1, 43, null, { ...late, from: 'cancelled', to: 'cancelled' }));
    expect(stateAfter(message, [...retrying, cancelled(41, 'retrying'), sent(1, 43, { ...late, from: 'cancelled', to: 'cancelled' })])).toMatchObject({ status: 'cancelled', sentAt: at(43), endedAt: at(41) });
  });
});

describe('settling an attempt of which nothing was heard', () => {
  const running = [accepted(), started(1, 5)];
  it('not before its deadline and ten seconds', () => given(message, ...running).when(settle(1), at(44.999)).thenNothing());
  it('then it is unknown, and the gateway\'s policy decides', () => {
    given(message, ...running).when(settle(1), at(45)).then(unknown(1, 45, at(47), { problem: 'lost' }));
    given(message, accepted({ onUnknown: 'hold' }), started(1, 5)).when(settle(1), at(45)).then(unknown(1, 45, null, { problem: 'lost', to: 'unknown' }));
  });
  it('of another attempt, or of one that ended: nothing', () => {
    given(message, ...running).when(settle(2), at(99)).thenNothing();
    given(message, ...running, failed(1, 6, at(8))).when(settle(1), at(99)).thenNothing();
    given(message, accepted()).when(settle(1), at(99)).thenNothing();
  });
});

describe('cancelling', () => {
  const running = [accepted(), started(1, 0)];
  it('queued, retrying, unknown: at once', () => {
    given(message, accepted()).when(cancel(), at(1)).then(cancelled(1, 'queued'));
    given(message, ...running, failed(1, 1, at(3))).when(cancel(), at(2)).then(cancelled(2, 'retrying'));
    given(message, accepted({ onUnknown: 'hold' }), started(1, 0), unknown(1, 40, null, { to: 'unknown' })).when(cancel(), at(41)).then(cancelled(41, 'unknown'));
    given(message, accepted()).when(cancel('system:erasure', 'erased'), at(1)).then(cancelled(1, 'queued', 'system:erasure', 'erased'));
  });
  it('sending: asked for once, and the call decides', () => {
    given(message, ...running).when(cancel(), at(1)).then(cancelAsked(1));
    given(message, ...running, cancelAsked(1)).when(cancel(), at(2)).thenNothing();
  });
  it('sending: sent after all, else cancelled by whoever asked, and none follows', () => {
    const asked = [...running, cancelAsked(1, 'an-admin')];
    given(message, ...asked).when(record(1, YES), at(2)).then(sent(1, 2));
    given(message, ...asked).when(record(1, TEMPORARY), at(2)).then(failed(1, 2, null), cancelled(2, 'retrying', 'an-admin'));
    given(message, ...asked).when(record(1, NO), at(2)).then(failed(1, 2, null, { ...NO_EVENT, to: 'retrying' }), cancelled(2, 'retrying', 'an-admin'));
    given(message, ...asked).when(record(1, UNKNOWN), at(30)).then(unknown(1, 30, null), cancelled(30, 'retrying', 'an-admin'));
    given(message, ...asked).when(settle(1), at(40)).then(unknown(1, 40, null, { problem: 'lost' }), cancelled(40, 'retrying', 'an-admin'));
    given(message, ...asked).when(recordNotMade(1), at(6)).then(notMade(1, 6), cancelled(6, 'retrying', 'an-admin'));
  });
  it('sending, because the content was erased: says so in the end', () => {
    given(message, ...running).when(cancel('system:erasure', 'erased'), at(1)).then(cancelAsked(1, 'system:erasure', 'erased'));
    given(message, ...running, cancelAsked(1, 'system:erasure', 'erased')).when(record(1, TEMPORARY), at(2)).then(failed(1, 2, null), cancelled(2, 'retrying', 'system:erasure', 'erased'));
  });
  it('sending, of a gateway that holds: an unknown outcome cancels too', () => given(message, accepted({ onUnknown: 'hold' }), started(1, 0), cancelAsked(1))
    .when(record(1, UNKNOWN), at(30)).then(unknown(1, 30, null), cancelled(30, 'retrying')));
  it('cancelled: nothing more', () => given(message, accepted(), cancelled(1, 'queued')).when(cancel(), at(2)).thenNothing());
  it.each([
    ['sent', [...running, sent(1, 1)]], ['failed', [...running, failed(1, 1, null, NO_EVENT)]], ['dead', [accepted(), dead('span', 86_400, 'queued')]],
    ['expired', [accepted({ expiresAt: at(9) }), { type: 'MessageExpired' as const, data: { at: at(9), from: 'queued' as const, to: 'expired' as const } }]],
  ])('%s: too late', (_, past) => given(message, ...past).when(cancel(), at(99)).thenRefused('already_final'));
  it('of what is not there: not found', () => given(message).when(cancel(), at(1)).thenRefused('not_found'));
});

describe('what is sealed', () => {
  it('numbers, body, metadata and answers are not in the state in the open', () => {
    const state = stateAfter(message, [accepted({ ...acceptance({ metadata: '{"k":"v"}' }), acceptedAt: at(0), sendAt: at(0) }), started(1, 0), sent(1, 1)]);
    const text = JSON.stringify(state).replaceAll('sub_+15551234567', '');
    for (const secret of ['+15551234567', 'hello', '{"k":"v"}', 'OK sms-1']) expect(text).not.toContain(secret);
  });
});
