import { expect, it } from '@jest/globals';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { createMetrics } from '#libs/platform/telemetry/metrics';
import { Readiness } from './readiness.js';

const never = (): Promise<never> => new Promise(() => undefined);

it('tells what does not answer after two seconds, in /ready as in /metrics, however many are asked', async () => {
  const clock = new TestClock(), metrics = createMetrics();
  const kernel = {
    options: { engine: { eventStore: { head: never }, readModels: { checkpoint: never } } },
    statuses: new Map(), projectings: new Map(), parkedDueWork: () => 0, scheduler: { lanes: () => [] }, live: { fresh: () => true },
  } as unknown as Kernel;
  const readiness = new Readiness(kernel, clock, metrics, never);
  let collected = false;
  const collecting = readiness.collect().then(() => { collected = true; });
  const failing = readiness.failing();
  await clock.advance(1_999);
  expect(collected).toBe(false);
  await clock.advance(1);
  await collecting;
  expect((await failing).map((f) => f.part)).toEqual(['log', 'views']);
  expect((await metrics.failing.get()).values).toEqual([{ labels: { part: 'log' }, value: 1 }, { labels: { part: 'views' }, value: 1 }]);
});
