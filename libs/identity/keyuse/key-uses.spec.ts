import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { StreamCommand } from '#libs/event-sourcing/decider';
import { Unavailable } from '#libs/event-sourcing/errors';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { KeyUses } from './key-uses.js';
import type { KeyUse } from './keyuse.decider.js';

const use = (n: number): KeyUse => ({ key: `k${n}`, owner: 'usr_1', method: 'GET', route: '/api/v1/messages', status: 200, address: '192.0.2.1', at: '2030-01-01T00:00:00.000Z' });
let clock: TestClock, written: { id: string; keys: string[] }[], failures: number, down: boolean, failed: number[];
let uses: KeyUses;
beforeEach(() => {
  [clock, written, failures, down, failed] = [new TestClock(), [], 0, false, []];
  const execute = async (_: unknown, command: StreamCommand): Promise<never> => {
    written.push({ id: command.id, keys: (command.data as { entries: KeyUse[] }).entries.map((e) => e.key) });
    if (down) { failures++; throw new Unavailable('log'); }
    return undefined as never;
  };
  uses = new KeyUses({ commands: { execute } as never, clock, random: randomBytes, failed: (_, dropped) => failed.push(dropped) });
});

describe('what keys are used for', () => {
  it('is written once a second, all of it in one event, and nothing where there was none', async () => {
    for (let i = 0; i < 5; i++) uses.used(use(i));
    await clock.advance(999);
    expect(written).toEqual([]);
    await clock.advance(1);
    expect(written.map((w) => w.keys)).toEqual([['k0', 'k1', 'k2', 'k3', 'k4']]);
    await clock.advance(10_000);
    expect(written).toHaveLength(1);
  });
  it('is at most 500 in an event', async () => {
    for (let i = 0; i < 1_201; i++) uses.used(use(i));
    await clock.advance(1_000);
    expect(written.map((w) => w.keys.length)).toEqual([500, 500, 201]);
  });
  it('is written at the end, before its second is over', async () => {
    uses.used(use(1));
    await uses.flush();
    expect(written.map((w) => w.keys)).toEqual([['k1']]);
  });
  it('waits while the log does not answer, and is tried again under the same id', async () => {
    down = true;
    uses.used(use(1));
    await clock.advance(1_000);
    uses.used(use(2));
    await clock.advance(1_000);
    down = false;
    await clock.advance(1_000);
    expect(failures).toBe(2);
    expect(written.map((w) => w.keys)).toEqual([['k1'], ['k1'], ['k1'], ['k2']]);
    expect(new Set(written.slice(0, 3).map((w) => w.id)).size).toBe(1);
    expect(failed).toEqual([0, 0]);
  });
  it('is bounded in memory: of more than 50,000 the oldest go, and are counted', async () => {
    down = true;
    for (let i = 0; i < 50_003; i++) uses.used(use(i));
    expect(failed).toEqual([1, 1, 1]);
  });
});
