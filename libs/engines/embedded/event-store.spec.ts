import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Damaged, Unavailable } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { Append, Batch } from '#libs/event-sourcing/ports/event-store';
import { newEvent, newStream, readOut } from '#libs/event-sourcing/testing/sample-events';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { type Embedded, type EmbeddedOptions, openEmbedded } from './embedded.js';

let dir: string;
let engine: Embedded;
const open = async (options: Partial<EmbeddedOptions> = {}): Promise<Embedded> => (engine = await openEmbedded({ dir, ...options }));
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'heliograph-')); });
afterEach(async () => { await engine.close(); rmSync(dir, { recursive: true }); });

const entries = (n: number, data: unknown = {}): Append[] => Array.from({ length: n }, () => ({ stream: newStream(), expected: NO_STREAM, events: [newEvent(data)] }));

describe('the embedded log', () => {
  it('is empty at first, and begins at position 1', async () => {
    const { eventStore } = await open();
    expect(await eventStore.head()).toBeNull();
    expect(await eventStore.readAll(null, [], 10)).toEqual({ events: [], position: '0000000000000000' });
    expect(await eventStore.append('a-1', NO_STREAM, [newEvent()])).toEqual({ position: '0000000000000001', revision: 0 });
    expect(await eventStore.head()).toBe('0000000000000001');
  });

  it('keeps everything over a restart, and still knows a repeat', async () => {
    const event = newEvent();
    const first = await (await open()).eventStore.append('a-1', NO_STREAM, [event]);
    await engine.eventStore.append('a-1', 0, [newEvent()]);
    await engine.close();
    const { eventStore } = await open();
    expect(await eventStore.append('a-1', NO_STREAM, [event])).toEqual(first);
    expect(await eventStore.read('a-1', 0, 10)).toMatchObject([{ id: event.id }, { revision: 1 }]);
    expect(await eventStore.head()).toBe('0000000000000002');
  });

  it('hands to followers what it would read: the same events, also those that fell out of memory', async () => {
    const { eventStore } = await open();
    const stop = new AbortController();
    const batches = eventStore.subscribe(null, ['thing-'], stop.signal)[Symbol.asyncIterator]();
    for (let i = 0; i < 5; i++) await eventStore.appendMany([...entries(2000, { i }), { stream: `other-${i}`, expected: NO_STREAM, events: [newEvent()] }]);
    const seen = [];
    while (seen.length < 10_000) {
      const { events } = (await batches.next()).value as Batch;
      expect(events.length).toBeLessThanOrEqual(500);
      seen.push(...events);
    }
    stop.abort();
    expect(seen).toEqual(await readOut(eventStore, null, ['thing-'], 1000));
  });

  it('catches up in larger batches while a follower is far behind, and misses nothing that comes meanwhile', async () => {
    const { eventStore } = await open({ batchSize: 100 });
    const append = async (from: number, count: number): Promise<void> => { await eventStore.append('thing-1', from - 1, Array.from({ length: count }, (_, i) => newEvent(from + i, { id: `e${from + i}` }))); };
    for (let from = 0; from < 14_000; from += 2000) await append(from, 2000);
    const stop = new AbortController();
    const seen: unknown[] = [];
    const sizes = new Set<number>();
    let to = 14_000;
    for await (const { events, position } of eventStore.subscribe(null, [], stop.signal)) {
      seen.push(...events.map((e) => e.data));
      sizes.add(events.length);
      expect(Number(position)).toBe(seen.length);
      if (to < 20_000) { await append(to, 1000); to += 1000; }
      if (seen.length === 20_000) stop.abort();
    }
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(sizes).toEqual(new Set([400, 100]));
  });

  it('keeps no more than so many bytes of it in memory', async () => {
    const { eventStore } = await open();
    const stop = new AbortController();
    const batches = eventStore.subscribe(null, [], stop.signal)[Symbol.asyncIterator]();
    const large = entries(30, { text: 'x'.repeat(900_000) });
    expect((await eventStore.appendMany(large)).filter((a) => a instanceof Error)).toEqual([]);
    const ids: string[] = [];
    while (ids.length < 30) ids.push(...((await batches.next()).value as Batch).events.map((e) => e.id));
    expect(ids).toEqual(large.map((e) => e.events[0]!.id));
    stop.abort();
  });

  it('takes no more entries than may wait, says so at once, and does nothing of the others', async () => {
    const { eventStore } = await open({ maxQueued: 10 });
    const many = entries(30);
    const answers = await eventStore.appendMany(many);
    expect(answers.map((a) => a instanceof Unavailable)).toEqual(many.map((_, i) => i >= 10));
    expect(await readOut(eventStore, null, [])).toHaveLength(10);
    expect((await eventStore.appendMany(many.slice(0, 10))).map((a) => a instanceof Error)).toEqual(Array(10).fill(false));
    await eventStore.append('a-1', NO_STREAM, [newEvent()]);
  });

  it('takes no more bytes than may wait', async () => {
    const { eventStore } = await open({ maxQueuedBytes: 100_000 });
    const answers = await eventStore.appendMany(entries(5, { text: 'x'.repeat(40_000) }));
    expect(answers.map((a) => a instanceof Unavailable)).toEqual([false, false, true, true, true]);
    await eventStore.append('a-1', NO_STREAM, [newEvent({ text: 'x'.repeat(90_000) })]);
  });

  it('refuses a position that lies ahead of the log, and one that is none', async () => {
    const { eventStore } = await open();
    const { position } = await eventStore.append('a-1', NO_STREAM, [newEvent()]);
    const ahead = '0000000000000002';
    await expect(eventStore.readAll(ahead, [], 10)).rejects.toThrow(Damaged);
    await expect(eventStore.subscribe(ahead, [], new AbortController().signal)[Symbol.asyncIterator]().next()).rejects.toThrow(Damaged);
    await expect(eventStore.readAll('C:1/P:1', [], 10)).rejects.toThrow('not a position');
    expect((await eventStore.readAll(position, [], 10)).events).toEqual([]);
  });

  it('reads a stream that stands partly in the index and partly not, from anywhere', async () => {
    const { eventStore } = await open();
    const streams = Array.from({ length: 200 }, () => newStream());
    for (let revision = -1; revision < 99; revision += 2) {
      const many = streams.map((stream) => ({ stream, expected: revision, events: [newEvent(revision + 1), newEvent(revision + 2)] }));
      expect((await eventStore.appendMany(many)).filter((a) => a instanceof Error)).toEqual([]);
    }
    for (const stream of [streams[0]!, streams[77]!, streams[199]!]) {
      const all = await eventStore.read(stream, 0, 1000);
      expect(all.map((e) => e.data)).toEqual(Array.from({ length: 100 }, (_, i) => i));
      for (const [from, limit] of [[0, 7], [1, 98], [60, 30], [79, 4], [99, 5], [100, 5]] as const) expect(await eventStore.read(stream, from, limit)).toEqual(all.slice(from, from + limit));
      expect(await eventStore.last(stream)).toEqual(all.at(-1));
    }
  });

  it('looks past many events of others for the next that is wanted', async () => {
    const { eventStore } = await open();
    const crowd = Array.from({ length: 21_000 }, (_, i) => newEvent(i, { id: `e${i}` }));
    for (let i = 0; i < crowd.length; i += 3000) await eventStore.append('crowd-1', i - 1, crowd.slice(i, i + 3000));
    await eventStore.append('rare-1', NO_STREAM, [newEvent()]);
    const batch = await eventStore.readAll(null, ['rare-'], 10);
    expect(batch.events.map((e) => e.stream)).toEqual(['rare-1']);
    expect(batch.position).toBe('0000000000021001');
  });

  it('tells a follower of others where the log is, each second and not more often', async () => {
    const clock = new TestClock();
    const { eventStore } = await open({ clock });
    const stop = new AbortController();
    const batches = eventStore.subscribe(null, ['rare-'], stop.signal)[Symbol.asyncIterator]();
    const told: Batch[] = [];
    const following = (async () => {
      for (let next = await batches.next(); !next.done; next = await batches.next()) told.push(next.value as Batch);
    })();
    for (let i = 0; i < 5; i++) {
      await eventStore.appendMany(entries(3));
      await clock.advance(300);
    }
    expect(told).toEqual([{ events: [], position: '0000000000000012' }]);
    await clock.advance(800);
    expect(told.slice(1)).toEqual([{ events: [], position: '0000000000000015' }]);
    stop.abort();
    await following;
  });

  it('answers who waits when it is closed, then nobody, and tells followers', async () => {
    const { eventStore } = await open();
    const iterator = eventStore.subscribe(null, [], new AbortController().signal)[Symbol.asyncIterator]();
    const waiting = iterator.next();
    const appended = eventStore.appendMany(entries(50));
    const [answers] = await Promise.all([appended, engine.close()]);
    expect(answers.filter((a) => a instanceof Error)).toEqual([]);
    await expect(eventStore.append('a-1', NO_STREAM, [newEvent()])).rejects.toThrow(Unavailable);
    await waiting.then(() => expect(iterator.next()).rejects.toThrow(Unavailable), (e: unknown) => expect(e).toBeInstanceOf(Unavailable));
    expect(readdirSync(dir).toSorted()).toEqual(['keys.db', 'lock.db', 'log.db', 'views.db']); // the write-ahead logs are emptied
    await open();
    expect(await readOut(engine.eventStore, null, [])).toHaveLength(50);
  });
});
