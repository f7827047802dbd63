import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { OK, Workshop } from './testing/workshop.js';
import { runWorker } from './worker.js';

let w: Workshop;
beforeAll(async () => { w = await Workshop.open(); });
afterAll(() => w.close());

describe('the worker', () => {
  it('does what is handed over, fewer at once than told where all are of one lane, and ends its calls before it ends itself', async () => {
    let open = 0, most = 0, end = (): void => {};
    const held = new Promise<void>((resolve) => { end = resolve; });
    w.answer = async () => { most = Math.max(most, ++open); await held; open--; return OK; };
    const ids = await Promise.all(Array.from({ length: 6 }, () => w.accepted()));
    const stop = new AbortController();
    let ended = false;
    const worker = runWorker(w.engine.workQueue, w.first.ports, 3, stop.signal).then(() => { ended = true; });
    await w.engine.workQueue.put(await Promise.all(ids.map((id) => w.job(`message-${id}`))));
    await until('two calls are open', () => open === 2);
    stop.abort();
    end();
    await worker;
    expect({ ended, most, open }).toEqual({ ended: true, most: 2, open: 0 });
    const lives = await Promise.all(ids.map((id) => w.life(id)));
    expect(lives.filter((l) => l.at(-1) === 'AttemptSent')).toHaveLength(w.calls.length);
    expect(lives.filter((l) => l.length === 1)).toHaveLength(6 - w.calls.length);
    expect(w.calls.length).toBeLessThan(6);
  });
});
