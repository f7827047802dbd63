import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type MongoDB, openMongoDB } from '#libs/engines/mongodb/mongodb';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { dropDatabases, serverUrl } from './mongodb-ground.js';

/** Real time for the driver's deadlines, with hands that a test moves. */
class Hands implements Clock {
  ahead = 0;
  passed = 0;
  now(): Date { return new Date(Date.now() + this.ahead + this.passed); }
  monotonic(): number { return performance.now() + this.passed; }
  after(ms: number, call: () => void): () => void { return systemClock.after(ms, call); }
}

const HOUR = 3_600_000;

describe('mongodb: a host whose clock is an hour ahead', () => {
  const name = `test-${randomUUID().slice(0, 8)}`;
  const [wrong, right] = [new Hands(), new Hands()];
  wrong.ahead = HOUR;
  let ahead: MongoDB, here: MongoDB;
  beforeAll(async () => {
    ahead = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000, clock: wrong });
    here = await openMongoDB({ url: serverUrl(), name, deadlineMs: 20_000, clock: right });
  });
  afterAll(async () => {
    await ahead?.close();
    await here?.close();
    await dropDatabases(serverUrl(), name);
  });

  it('that died leaves a lease, which another takes once it was not prolonged for its time', async () => {
    expect(await ahead.shared.lease('dead', 'wrong', 6_000)).toBe(true);
    expect(await here.shared.lease('dead', 'right', 6_000)).toBe(false);
    right.passed += 6_000;
    expect(await here.shared.lease('dead', 'right', 6_000)).toBe(false);
    right.passed += 4_001;
    expect(await here.shared.lease('dead', 'right', 6_000)).toBe(true);
    expect(await here.shared.lease('dead', 'third', 6_000)).toBe(false);
  });

  it('that lives keeps the lease that it prolongs', async () => {
    expect(await ahead.shared.lease('alive', 'wrong', 6_000)).toBe(true);
    for (let i = 0; i < 8; i++) {
      expect(await here.shared.lease('alive', 'right', 6_000)).toBe(false);
      for (const clock of [wrong, right]) clock.passed += 2_000;
      expect(await ahead.shared.lease('alive', 'wrong', 6_000)).toBe(true);
    }
  });

  it('begins a counter\'s window that ends when one of this length would, with nothing forgotten', async () => {
    await ahead.shared.add('counter', 5, 60_000);
    expect(await here.shared.add('counter', 1, 60_000)).toEqual({ total: 6, resetMs: 60_000 });
    right.passed += 60_001;
    expect((await here.shared.add('counter', 1, 60_000)).total).toBe(1);
  });
});
