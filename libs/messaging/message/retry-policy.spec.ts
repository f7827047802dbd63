import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stateOf } from '#libs/event-sourcing/decider';
import type { EventOf } from '#libs/event-sourcing/event';
import { storedAs } from '#libs/event-sourcing/testing/given';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { acceptance, S1_POLICY, S3_POLICY, TEMPORARY } from '../testing/message-life.js';
import { delivery } from './delivery.process.js';
import { message, type Message } from './message.decider.js';
import type { MessageEvents } from './message.events.js';
import { retryDelayMs, type RetryPolicy } from './retry-policy.js';

type Event = EventOf<MessageEvents, 'plain'>;
const METADATA = { correlationId: 'c', causationId: 'c', principal: 'p', at: '' };

/** A message that fails at every attempt, walked as the worker walks it: by what is due, when it is due. */
async function walk(policy: RetryPolicy, callMs = 0): Promise<{ clock: TestClock; m: Message; starts: number[]; states: Map<number, string>; last: Event }> {
  const clock = new TestClock();
  const began = clock.now().getTime();
  const starts: number[] = [];
  const states = new Map<number, string>();
  let m = message.initial, revision = 0, last!: Event;
  const now = (): string => clock.now().toISOString();
  const fold = (events: Event[]): void => {
    for (last of events) m = stateOf<Message, MessageEvents>(message, [{ ...storedAs(message, last, revision, 'message-1', m), revision: revision++, metadata: METADATA }] as never, m);
  };
  fold(message.decide.AcceptMessage(m, acceptance({ policy }), now(), '1'));
  for (let due = delivery.next(m, '1'); due; due = delivery.next(m, '1')) {
    clock.step(Math.max(0, Date.parse(due.dueAt < due.until! ? due.dueAt : due.until!) - clock.now().getTime()));
    const n = m.attempts + 1;
    fold(message.decide.StartAttempt(m, { n }, now(), '1'));
    if (!m.running) break;
    starts.push(clock.now().getTime() - began);
    clock.step(callMs);
    fold(message.decide.RecordOutcome(m, { n, result: TEMPORARY, durationMs: callMs }, now(), '1'));
    states.set(n, JSON.stringify(m));
  }
  return { clock, m, starts, states, last };
}
/** Numbers may have more digits, nothing else may be more. */
const size = (state: string): number => state.replaceAll(/\d+/g, '0').length;

describe("S1's policy", () => {
  it('every 30 s, 10,000 attempts, 83 h 20 min: walked to the end', async () => {
    const { m, starts, last } = await walk(S1_POLICY);
    expect(starts).toHaveLength(10_000);
    expect(starts.every((ms, i) => ms === i * 30_000)).toBe(true);
    expect(starts.at(-1)! + 30_000).toBe((83 * 60 + 20) * 60_000);
    expect(m).toMatchObject({ status: 'dead', attempts: 10_000, used: 10_000 });
    expect(last).toMatchObject({ type: 'MessageDead', data: { reason: 'attempts' } });
  });
  it('the state at attempt 10,000 is of the size that it had at attempt 10', async () => {
    const { states } = await walk({ ...S1_POLICY, attempts: 20_000, spanMs: 2 * S1_POLICY.spanMs });
    expect(size(states.get(10_000)!)).toBe(size(states.get(10)!));
  });
  it('an interval counts from when an attempt was due, so that calls that take their time cost no attempts', async () => {
    const { starts } = await walk(S1_POLICY, 29_000);
    expect(starts).toHaveLength(10_000);
    expect(starts.every((ms, i) => ms === i * 30_000)).toBe(true);
  });
  it('where calls take longer than the interval the span ends it, whichever is first', async () => {
    const { starts, last, clock } = await walk(S1_POLICY, 60_000);
    expect(starts).toHaveLength(5_000);
    expect(last).toMatchObject({ type: 'MessageDead', data: { reason: 'span' } });
    expect(clock.now().getTime() - Date.parse('2030-01-01T00:00:00.000Z')).toBe(S1_POLICY.spanMs);
  });
});

describe("S3's policy", () => {
  it('3 attempts, 2 and 4 s apart', async () => {
    const { starts, last } = await walk(S3_POLICY);
    expect(starts).toEqual([0, 2_000, 6_000]);
    expect(last).toMatchObject({ type: 'MessageDead', data: { reason: 'attempts' } });
  });
  it('2 to 10 s, growing twofold', () => expect([1, 2, 3, 4, 5].map((n) => retryDelayMs(S3_POLICY, n, 'a/1'))).toEqual([2_000, 4_000, 8_000, 10_000, 10_000]));
});

describe('delays', () => {
  it('steps: in turn, the last repeats', () => {
    const webhooks: RetryPolicy = { kind: 'steps', stepsMs: [60_000, 300_000, 900_000], attempts: 4, spanMs: 604_800_000, jitter: 0 };
    expect([1, 2, 3, 4].map((n) => retryDelayMs(webhooks, n, 'a/1'))).toEqual([60_000, 300_000, 900_000, 900_000]);
  });
  it('jitter: within its share, the same whenever it is asked, spread over attempts', () => {
    const policy: RetryPolicy = { kind: 'constant', everyMs: 10_000, attempts: 4, spanMs: 604_800_000, jitter: 0.2 };
    const delays = Array.from({ length: 1_000 }, (_, i) => retryDelayMs(policy, 1, `msg_${i}/1`));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(8_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(12_000);
    expect(Math.min(...delays)).toBeLessThan(8_400);
    expect(Math.max(...delays)).toBeGreaterThan(11_600);
    expect(delays).toEqual(Array.from({ length: 1_000 }, (_, i) => retryDelayMs(policy, 1, `msg_${i}/1`)));
  });
  it('exponential: never over its most, never backwards, however many attempts', () => fc.assert(fc.property(fc.integer({ min: 1, max: 100_000 }), (n) => {
    const [a, b] = [retryDelayMs(S3_POLICY, n, 'a'), retryDelayMs(S3_POLICY, n + 1, 'a')];
    expect(a).toBeGreaterThanOrEqual(2_000);
    expect(b).toBeGreaterThanOrEqual(a);
    expect(b).toBeLessThanOrEqual(10_000);
  })));
});
