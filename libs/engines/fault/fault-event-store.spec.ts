import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Embedded, openEmbedded } from '#libs/engines/embedded/embedded';
import { Unavailable } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import { newEvent, newStream, readOut } from '#libs/event-sourcing/testing/sample-events';
import { FaultEventStore, dice } from './fault-event-store.js';
import { retrying } from './retrying.js';

let dir: string;
let engine: Embedded;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  engine = await openEmbedded({ dir });
});
afterAll(async () => { await engine.close(); rmSync(dir, { recursive: true }); });

const entries = (n: number, category: string) =>
  Array.from({ length: n }, (_, i) => ({ stream: `${category}-${i}`, expected: NO_STREAM, events: [newEvent({ i })] }));

describe('a store with faults', () => {
  it('loses answers of what it made, and makes nothing of what it lost', async () => {
    for (const [faults, there] of [[{ lost: 1 }, 0], [{ unanswered: 1 }, 1]] as const) {
      const store = new FaultEventStore(engine.eventStore, { random: dice(1), ...faults });
      const stream = newStream();
      await expect(store.append(stream, NO_STREAM, [newEvent()])).rejects.toThrow(Unavailable);
      expect(await store.read(stream, 0, 10)).toHaveLength(there);
    }
  });

  it('makes only the first of many', async () => {
    const store = new FaultEventStore(engine.eventStore, { random: dice(7), cut: 1 });
    const some = entries(50, newStream());
    const answers = await store.appendMany(some);
    const made = answers.findIndex((a) => a instanceof Unavailable);
    expect(made).toBeGreaterThan(0);
    expect(answers.slice(made).every((a) => a instanceof Unavailable)).toBe(true);
    expect(await Promise.all(some.map(async (e) => (await store.last(e.stream)) !== null))).toEqual(some.map((_, i) => i < made));
  });

  it('falls the same way for the same seed', () => {
    const rolls = (seed: number): number[] => Array.from({ length: 20 }, dice(seed));
    expect(rolls(3)).toEqual(rolls(3));
    expect(rolls(3)).not.toEqual(rolls(4));
    expect(rolls(3).every((r) => r >= 0 && r < 1)).toBe(true);
  });

  it.each([1, 2, 3, 4, 5])('has each event exactly once when the same ids are tried again (seed %d)', async (seed) => {
    const store = new FaultEventStore(engine.eventStore, { random: dice(seed), lost: 0.2, unanswered: 0.3, cut: 0.9 });
    const start = await engine.eventStore.head();
    const category = newStream();
    const some = entries(200, category);
    const answers = await retrying(store).appendMany(some);
    expect(answers.filter((a) => a instanceof Error)).toEqual([]);
    expect(store.count.lost).toBeGreaterThan(0);
    expect(store.count.unanswered).toBeGreaterThan(0);
    expect(store.count.cut).toBeGreaterThan(0);
    const all = await readOut(engine.eventStore, start, [`${category}-`]);
    expect(all.map((e) => e.id).toSorted()).toEqual(some.map((e) => e.events[0]!.id).toSorted());
    const positions = new Map(all.map((e) => [e.stream, e.position]));
    expect(answers.map((a) => (a instanceof Error ? a : a.position))).toEqual(some.map((e) => positions.get(e.stream)));
  });
});
