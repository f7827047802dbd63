import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { Kernel } from '#libs/event-sourcing/running/kernel';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { ChangeSettings, settings } from './settings.decider.js';
import { LiveSettings } from './settings.js';
import { defaultsOf } from './table.js';

const LANE = { rate: 1, concurrency: 1, circuit: { failures: 1, windowMs: 1, windowCalls: 1, windowShare: 1, probeMs: 1 } };
const dir = mkdtempSync(join(tmpdir(), 'heliograph-two-'));
const masterKey = randomBytes(32);
let engine: Embedded;
const kernels: Kernel[] = [];
beforeAll(async () => { engine = await openEmbedded({ dir }); });
afterAll(async () => {
  for (const kernel of kernels) await kernel.close();
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What each process of a house has of its own: a kernel, and its live settings. They share the engines alone. */
async function oneProcess(): Promise<{ kernel: Kernel; live: LiveSettings }> {
  const live = new LiveSettings(defaultsOf({}));
  const kernel = await Kernel.open({ engine, masterKey, clock: systemClock, deciders: [settings], processes: [], projections: [], lanes: () => LANE, live: [live] });
  kernels.push(kernel);
  await kernel.startLive();
  await live.start(kernel);
  return { kernel, live };
}
const change = (kernel: Kernel, name: string, value: number, seen: number | null = null) =>
  kernel.commands.execute(settings, new ChangeSettings('all', { values: [{ name, value }], secrets: [{ name: 'email.smtp_password', value: `of ${value}` }], reason: null, by: 'usr_1', seen, confirmed: false, caller: null }, { principal: 'local:test', correlationId: 'c', causationId: `${name} ${value}` }));

describe('settings in two processes', () => {
  it('T72 a change in one counts in the other at once; a third that starts later has it from its start', async () => {
    const [one, other] = [await oneProcess(), await oneProcess()];
    await change(one.kernel, 'authentication.access_token_minutes', 5);
    await until('the other has it', () => other.live.value('authentication.access_token_minutes') === 5, 5_000);
    await until('the one has it', () => one.live.value('authentication.access_token_minutes') === 5, 5_000);
    expect(await other.live.secret('email.smtp_password')).toBe('of 5');
    expect((await oneProcess()).live.value('authentication.access_token_minutes')).toBe(5);
  });

  it('T72 of two that change at once from what both have read, one is refused; without a word about it, both stand', async () => {
    const [one, other] = kernels as [Kernel, Kernel];
    const { state: { changes } } = (await one.states.read(settings, 'settings-all')) as { state: { changes: number } };
    const guarded = await Promise.allSettled([change(one, 'security.rate_limit_minute', 11, changes), change(other, 'security.rate_limit_minute', 12, changes)]);
    expect(guarded.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(guarded.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } });
    await Promise.all([change(one, 'security.rate_limit_hour', 21), change(other, 'security.rate_limit_hour', 22)]);
    const stored = await engine.eventStore.read('settings-all', changes + 1, 10);
    expect(stored.map(({ data }) => (data as { changes: { from: unknown; to: unknown }[] }).changes[0])).toEqual([{ name: 'security.rate_limit_hour', from: null, to: expect.any(Number), otherwise: null }, { name: 'security.rate_limit_hour', from: expect.any(Number), to: expect.any(Number), otherwise: null }]);
    const [first, second] = stored.map(({ data }) => (data as { changes: { from: unknown; to: unknown }[] }).changes[0]!);
    expect(second!.from).toBe(first!.to);
  });
});
