import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import { cancel, record, UNKNOWN, YES } from '#libs/messaging/testing/message-life';
import { RecordOutcome, StartAttempt } from '#libs/messaging/message/message.decider';
import { performAttempt, settleAttempt } from './attempts.js';
import { CUT, OK, REFUSED, Workshop } from './testing/workshop.js';

let w: Workshop;
beforeAll(async () => { w = await Workshop.open(); });
afterAll(() => w.close());
beforeEach(() => { w.calls.length = 0; w.outcomes.length = 0; w.clock.waits.length = 0; w.answer = () => OK; });

const START_AND_SEND = ['MessageAccepted', 'AttemptStarted', 'AttemptSent'];

describe('one attempt', () => {
  it('claim, call, outcome: in this order, each once, in one trace', async () => {
    const id = await w.accepted();
    let atCall: string[] = [];
    w.answer = async () => { atCall = await w.life(id); return OK; };
    const job = await w.job(`message-${id}`);
    expect(await performAttempt(w.first.ports, job)).toBe('done');
    expect(atCall).toEqual(['MessageAccepted', 'AttemptStarted']);
    expect(await w.life(id)).toEqual(START_AND_SEND);
    expect(w.calls).toHaveLength(1);
    expect(w.calls[0]!.headers['idempotency-key']).toBe(`${id}/1`);
    expect(w.outcomes).toEqual([['sms', 'sent', null]]);
    for (const e of (await w.events(`message-${id}`)).slice(1)) expect(e.metadata).toMatchObject({ correlationId: 'c', causationId: job.id, principal: 'system:worker' });
  });
  it('not reached: tried again under the next number, with the next id', async () => {
    const id = await w.accepted();
    w.answer = () => (w.calls.length === 1 ? REFUSED : OK);
    await performAttempt(w.first.ports, await w.job(`message-${id}`));
    const again = await w.job(`message-${id}`);
    const early = await performAttempt(w.first.ports, again);
    expect(early).toBe('done'); // due in 2 s, which is within what hosts' clocks may differ by
    expect(w.calls.map((c) => c.headers['idempotency-key'])).toEqual([`${id}/1`, `${id}/2`]);
    expect(await w.life(id)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptFailed', 'AttemptStarted', 'AttemptSent']);
  });
  it('a reference of the gateway that looks like a sealed value costs the reference, not the outcome', async () => {
    const id = await w.accepted();
    w.answer = () => ({ ...OK, body: Buffer.from('OK s1|boom') });
    await performAttempt(w.first.ports, await w.job(`message-${id}`));
    expect(await w.life(id)).toEqual(START_AND_SEND);
    expect((await w.events(`message-${id}`)).at(-1)!.data).toMatchObject({ providerRef: null });
  });
  it('T45 the line cut after the request: unknown, and sent again only as a new recorded attempt', async () => {
    const id = await w.accepted();
    w.answer = () => (w.calls.length === 1 ? CUT : OK);
    await performAttempt(w.first.ports, await w.job(`message-${id}`));
    expect(await w.life(id)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown']);
    await performAttempt(w.first.ports, await w.job(`message-${id}`));
    expect(await w.life(id)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown', 'AttemptStarted', 'AttemptSent']);
    expect(new Set(w.calls.map((c) => c.headers['idempotency-key'])).size).toBe(2);
  });
  it('T45 the line cut, of a gateway that holds: waits for a person', async () => {
    const id = await w.accepted({ onUnknown: 'hold' });
    w.answer = () => CUT;
    const job = await w.job(`message-${id}`);
    await performAttempt(w.first.ports, job);
    expect(await performAttempt(w.first.ports, job)).toBe('drop');
    expect(await w.message(id)).toMatchObject({ status: 'unknown', dueAt: null });
    expect(w.calls).toHaveLength(1);
  });
});

describe('no call is made', () => {
  const dropped = async (id: string, jobId: string): Promise<void> => {
    const before = await w.life(id);
    expect(await performAttempt(w.first.ports, { topic: 'message-attempts', stream: `message-${id}`, id: jobId, lane: 'sms' })).toBe('drop');
    expect(await w.life(id)).toEqual(before);
    expect(w.calls).toHaveLength(0);
  };
  it('for an attempt that is not the next one', async () => { const id = await w.accepted(); await dropped(id, `${id}/2`); });
  it('for a message that is not there', () => dropped('msg_nobody', 'msg_nobody/1'));
  it('for one that was cancelled by another process', async () => {
    const id = await w.accepted();
    await w.execute(cancel('o1', 'asked', id), w.another());
    await dropped(id, `${id}/1`);
  });
  it('for one that a late word has sent', async () => {
    const id = await w.accepted();
    for (const c of [new StartAttempt(id, { n: 1 }, { principal: 'p', correlationId: 'c', causationId: '1' }), record(1, UNKNOWN, id), record(1, YES, id)]) await w.execute(c);
    await dropped(id, `${id}/2`);
  });
  it('before its time: later', async () => {
    const due = new Date(w.clock.now().getTime() + 60_000).toISOString();
    const id = await w.accepted({ sendAt: due });
    expect(await performAttempt(w.first.ports, await w.job(`message-${id}`))).toEqual({ later: due });
    expect(await w.life(id)).toEqual(['MessageAccepted']);
  });
  it('past its expiry: it ends', async () => {
    const id = await w.accepted({ expiresAt: new Date(w.clock.now().getTime() + 1_000).toISOString() });
    const job = await w.job(`message-${id}`);
    w.clock.pass(1_000);
    expect(await performAttempt(w.first.ports, job)).toBe('done');
    expect(await w.life(id)).toEqual(['MessageAccepted', 'MessageExpired']);
    expect(w.calls).toHaveLength(0);
  });
  it('for erased content: it is cancelled', async () => {
    const id = await w.accepted({ recipient: '+15557770001' });
    await w.keyring.forget([(await w.message(id)).subject!]);
    expect(await performAttempt(w.first.ports, await w.job(`message-${id}`))).toBe('done');
    expect((await w.events(`message-${id}`)).at(-1)).toMatchObject({ type: 'MessageCancelled', data: { reason: 'erased', by: 'system:erasure' } });
    expect(w.calls).toHaveLength(0);
  });
  it('where the gateway is configured nowhere: later, unclaimed; past its end it ends all the same', async () => {
    const id = await w.accepted({ gateway: 'gone', expiresAt: new Date(w.clock.now().getTime() + 60_000).toISOString() });
    const job = await w.job(`message-${id}`);
    expect(await performAttempt(w.first.ports, job)).toEqual({ later: new Date(w.clock.now().getTime() + 30_000).toISOString() });
    expect(await w.life(id)).toEqual(['MessageAccepted']);
    w.clock.pass(60_000);
    expect(await performAttempt(w.first.ports, job)).toBe('done');
    expect(await w.life(id)).toEqual(['MessageAccepted', 'MessageExpired']);
    expect(w.calls).toHaveLength(0);
  });
  it.each([[5_001, 0, 'AttemptNotMade'], [5_000, 1, 'AttemptSent']])('begun %d ms after its claim: %d calls, %s', async (ms, calls, last) => {
    const id = await w.accepted(), slow = w.another();
    slow.before = (c) => { if (c instanceof StartAttempt) w.clock.pass(ms); };
    expect(await performAttempt(slow.ports, await w.job(`message-${id}`))).toBe('done');
    expect(w.calls).toHaveLength(calls);
    expect(await w.life(id)).toEqual(['MessageAccepted', 'AttemptStarted', last]);
  });
  it('claimed while its process is about to end: not made, and nothing is used up', async () => {
    const id = await w.accepted(), ending = w.another(), cut = new AbortController();
    ending.before = (c) => { if (c instanceof StartAttempt) cut.abort(); };
    expect(await performAttempt({ ...ending.ports, cut: cut.signal }, await w.job(`message-${id}`))).toBe('done');
    expect(w.calls).toHaveLength(0);
    expect((await w.events(`message-${id}`)).at(-1)).toMatchObject({ type: 'AttemptNotMade', data: { reason: 'the process was about to end' } });
    expect(await w.message(id)).toMatchObject({ used: 0 });
  });
});

describe('two workers with one job', () => {
  it('at the same time: one call', async () => {
    const [a, b] = [w.another(), w.another()];
    const ids = await Promise.all(Array.from({ length: 25 }, () => w.accepted()));
    for (const id of ids) {
      const job = await w.job(`message-${id}`);
      const answers = await Promise.all([performAttempt(a.ports, job), performAttempt(b.ports, job)]);
      expect(new Set(answers)).toEqual(new Set(['done', 'drop']));
      expect(await w.life(id)).toEqual(START_AND_SEND);
    }
    expect(w.calls.map((c) => c.headers['idempotency-key'])).toEqual(ids.map((id) => `${id}/1`));
  });
  it('one of them behind the times: refused at its claim, no call', async () => {
    const id = await w.accepted(), behind = w.another();
    const job = await w.job(`message-${id}`);
    await performAttempt(behind.ports, { ...job, id: 'not-this' }); // has the state in memory now
    await performAttempt(w.first.ports, job);
    expect(await performAttempt(behind.ports, job)).toBe('drop');
    expect(w.calls).toHaveLength(1);
    expect(await w.life(id)).toEqual(START_AND_SEND);
  });
  it('the same worker twice at once: one call', async () => {
    const id = await w.accepted(), job = await w.job(`message-${id}`);
    expect(new Set(await Promise.all([performAttempt(w.first.ports, job), performAttempt(w.first.ports, job)]))).toEqual(new Set(['done', 'drop']));
    expect(w.calls).toHaveLength(1);
  });
});

describe('when the log is away', () => {
  const claimed = async (times: number, how: 'lost' | 'unanswered') => {
    const id = await w.accepted(), place = w.another();
    place.before = (c) => { if (c instanceof RecordOutcome) { place.before = () => {}; place.fail(times, how); } };
    return { id, place, job: await w.job(`message-${id}`) };
  };
  it.each([['lost', 3], ['unanswered', 1], ['unanswered', 4]] as const)('the outcome is written down all the same, once (%s, %d times)', async (how, times) => {
    const { id, place, job } = await claimed(times, how);
    expect(await performAttempt(place.ports, job)).toBe('done');
    expect(await w.life(id)).toEqual(START_AND_SEND);
    expect(w.calls).toHaveLength(1);
    expect(w.clock.waits).toHaveLength(times);
    expect(w.clock.waits).toEqual(w.clock.waits.toSorted((a, b) => a - b));
  });
  it('for too long: the settling says what is known, which is nothing', async () => {
    const { id, place, job } = await claimed(99, 'lost');
    await expect(performAttempt(place.ports, job)).rejects.toThrow(Unavailable);
    expect(await performAttempt(w.another().ports, job)).toBe('drop');
    const settling = await w.job(`message-${id}`);
    expect(settling.id).toBe(`${id}/1/settle`);
    w.clock.pass(40_000);
    expect(await settleAttempt(w.another().ports, settling)).toBe('done');
    expect(await w.life(id)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown']);
    expect(w.calls).toHaveLength(1);
  });
  it.each(['lost', 'unanswered'] as const)('at the claim (%s): no call without an answer to it', async (how) => {
    const id = await w.accepted(), place = w.another(), job = await w.job(`message-${id}`);
    place.fail(1, how);
    await expect(performAttempt(place.ports, job)).rejects.toThrow(Unavailable);
    expect(w.calls).toHaveLength(0);
    expect(await performAttempt(place.ports, job)).toBe(how === 'lost' ? 'done' : 'drop');
    expect(w.calls).toHaveLength(how === 'lost' ? 1 : 0);
    expect(await w.life(id)).toEqual(how === 'lost' ? START_AND_SEND : ['MessageAccepted', 'AttemptStarted']);
  });
});

describe('settling', () => {
  const started = async (over = {}): Promise<string> => {
    const id = await w.accepted(over);
    await w.execute(new StartAttempt(id, { n: 1 }, { principal: 'system:worker', correlationId: 'c', causationId: '1', exclusive: true }));
    return id;
  };
  it('T45 the process died between claim and answer: unknown in time, not before, then a late answer counts', async () => {
    const id = await started();
    const job = await w.job(`message-${id}`);
    const due = new Date(w.clock.now().getTime() + 40_000).toISOString();
    expect(await settleAttempt(w.first.ports, job)).toEqual({ later: due });
    w.clock.pass(38_000); // within the tolerance of a claim, but a settling waits for its own time
    expect(await settleAttempt(w.first.ports, job)).toEqual({ later: due });
    w.clock.pass(2_000);
    expect(await settleAttempt(w.first.ports, job)).toBe('done');
    expect(await settleAttempt(w.first.ports, job)).toBe('drop');
    expect(await w.message(id)).toMatchObject({ status: 'retrying', open: [1] });
    await w.execute(record(1, YES, id));
    await w.execute(record(1, YES, id));
    expect(await w.life(id)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown', 'AttemptSent']);
    expect(await w.message(id)).toMatchObject({ status: 'sent', dueAt: null });
    expect(w.calls).toHaveLength(0);
  });
  it('of an attempt that has ended: dropped', async () => {
    const id = await started(), job = await w.job(`message-${id}`);
    await w.execute(record(1, YES, id), w.another());
    w.clock.pass(40_000);
    expect(await settleAttempt(w.another().ports, job)).toBe('drop');
    expect(await w.life(id)).toEqual(START_AND_SEND);
  });
  it('by two at once: one event', async () => {
    const id = await started(), job = await w.job(`message-${id}`);
    w.clock.pass(40_000);
    await Promise.all([w.another(), w.another(), w.first].map((p) => settleAttempt(p.ports, job)));
    expect(await w.life(id)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown']);
  });
});
