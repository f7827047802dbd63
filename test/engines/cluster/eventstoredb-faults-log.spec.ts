import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { randomUUID } from 'node:crypto';
import { type EventStoreDB, openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { Damaged, VersionConflict } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { Batch } from '#libs/event-sourcing/ports/event-store';
import { newEvent, newStream, readOut } from '#libs/event-sourcing/testing/sample-events';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { type ServerProcess, startServerProcess } from '../eventstoredb-server/process.fixture.js';

describe('eventstoredb: what stands in the log', () => {
  let server: ServerProcess;
  let engine: EventStoreDB;
  let bare: EventStoreDBClient;
  const followings: AbortController[] = [];
  beforeAll(async () => {
    server = await startServerProcess();
    engine = await openEventStoreDB({ url: server.url, prefix: '', heartbeatMs: 100, batchSize: 50 });
    bare = EventStoreDBClient.connectionString(server.url);
  });
  afterEach(() => { for (const stop of followings.splice(0)) stop.abort(); });
  afterAll(async () => {
    await bare.dispose();
    await engine.close();
    await server.stop();
  });
  const subscribe = (after: string | null, prefixes: string[]): AsyncIterator<Batch> => {
    const stop = new AbortController();
    followings.push(stop);
    return engine.eventStore.subscribe(after, prefixes, stop.signal)[Symbol.asyncIterator]();
  };

  it('answers a repeat with where the events stand, however many they are', async () => {
    const { eventStore } = engine;
    const stream = newStream();
    const events = Array.from({ length: 7 }, () => newEvent());
    const first = await eventStore.append(stream, NO_STREAM, events);
    const later = await eventStore.append(stream, 6, [newEvent()]);
    expect(await eventStore.append(stream, NO_STREAM, events)).toEqual(first);
    const read = await eventStore.read(stream, 0, 10);
    expect([read[6]!.position, read[7]!.position]).toEqual([first.position, later.position]);
  });

  it('does not take a stream that was deleted by hand for a new one', async () => {
    const { eventStore } = engine;
    const stream = newStream();
    const events = [newEvent(), newEvent()];
    await eventStore.append(stream, NO_STREAM, events);
    await bare.deleteStream(stream);
    expect(await eventStore.read(stream, 0, 10)).toEqual([]);
    await expect(eventStore.append(stream, NO_STREAM, [newEvent()])).rejects.toThrow(/was deleted or cut in EventStoreDB/);
    await expect(eventStore.read(stream, 0, 10)).rejects.toThrow(Damaged);
  });

  it('says so when a stream was deleted for ever', async () => {
    const { eventStore } = engine;
    const stream = newStream();
    await eventStore.append(stream, NO_STREAM, [newEvent()]);
    await bare.tombstoneStream(stream);
    await expect(eventStore.append(stream, 0, [newEvent()])).rejects.toThrow(/was deleted in EventStoreDB: the log must not have holes/);
    await expect(eventStore.read(stream, 0, 10)).rejects.toThrow(/was deleted in EventStoreDB/);
    await expect(eventStore.last(stream)).rejects.toThrow(Damaged);
  });

  it('stops who wants it at an event that this program did not write, and nobody else', async () => {
    const { eventStore } = engine;
    const [mine, foreign] = [`mine${randomUUID()}`, `foreign${randomUUID()}`];
    const after = await eventStore.head();
    const [one, both] = [subscribe(after, [`${mine}-`]), subscribe(after, [`${mine}-`, `${foreign}-`])];
    const first = await eventStore.append(`${mine}-1`, NO_STREAM, [newEvent()]);
    await bare.appendToStream(`${foreign}-1`, jsonEvent({ type: 'Theirs', data: { a: 1 } }));
    const last = await eventStore.append(`${mine}-2`, NO_STREAM, [newEvent()]);
    expect((await readOut(eventStore, after, [`${mine}-`])).map((e) => e.position)).toEqual([first.position, last.position]);
    await expect(readOut(eventStore, after, [`${foreign}-`])).rejects.toThrow(/is not an event of this program, or damaged, at position/);
    const seen: string[] = [];
    while (seen.length < 2) seen.push(...((await one.next()).value as Batch).events.map((e) => e.position));
    expect(seen).toEqual([first.position, last.position]);
    await expect((async () => { for (;;) await both.next(); })()).rejects.toThrow(Damaged);
  });

  it('8: passes over what the server and others write, and goes on behind it', async () => {
    const { eventStore } = engine;
    const category = `behind${randomUUID()}`;
    const following = subscribe(await eventStore.head(), [`${category}-`]);
    let next = following.next();
    for (const stream of [`$noise-${randomUUID()}`, `noise-${randomUUID()}`]) {
      const { position } = await eventStore.append(stream, NO_STREAM, Array.from({ length: 1500 }, () => newEvent({}, { id: randomUUID() })));
      let told = '';
      while (told < position) {
        const batch = (await next).value as Batch;
        expect(batch.events).toEqual([]);
        told = batch.position;
        next = following.next();
      }
    }
    const { position } = await eventStore.append(`${category}-1`, NO_STREAM, [newEvent()]);
    let batch = (await next).value as Batch;
    while (batch.events.length === 0) batch = (await following.next()).value as Batch;
    expect(batch.events.map((e) => e.position)).toEqual([position]);
  });

  it('feeds a follower that is far behind, and one that falls behind, without gap or double', async () => {
    const { eventStore } = engine;
    const category = `far${randomUUID()}`;
    const after = await eventStore.head();
    const fill = async (from: number, to: number): Promise<void> => {
      const entries = Array.from({ length: (to - from) / 10 }, (_, i) => ({ stream: `${category}-${from + i * 10}`, expected: NO_STREAM, events: Array.from({ length: 10 }, (__, j) => newEvent({ n: from + i * 10 + j })) }));
      for (const a of await eventStore.appendMany(entries)) expect(a).not.toBeInstanceOf(Error);
    };
    await fill(0, 1000);
    const slow = subscribe(after, [`${category}-`]);
    const seen: string[] = [];
    const take = async (count: number): Promise<void> => {
      while (seen.length < count) seen.push(...((await slow.next()).value as Batch).events.map((e) => e.position));
    };
    await take(1000); // from the log
    await fill(1000, 1100);
    await take(1100); // from memory
    await fill(1100, 10_600); // more than the memory holds
    await take(10_600);
    expect(seen).toHaveLength(10_600);
    expect(seen).toEqual(seen.toSorted());
    expect(new Set(seen).size).toBe(seen.length);
    await until('no read is left', async () => (await server.state()).reads === 0);
  });

  it('hears at once what another process appends, and neither overwrites the other', async () => {
    const { eventStore } = engine;
    const stream = newStream('shared');
    const { position } = await eventStore.append(stream, NO_STREAM, [newEvent()]);
    const following = subscribe(position, ['shared-']);
    const next = following.next();
    // what another process would send: the same bytes, by another client
    await bare.appendToStream(stream, jsonEvent({ type: 'Theirs', data: {} }), { expectedRevision: 0n });
    await expect(eventStore.append(stream, 0, [newEvent()])).rejects.toThrow(VersionConflict);
    await expect(next).rejects.toThrow(/event 1 of shared-/);
  });

  it('reads large events in bounded pages', async () => {
    const { eventStore } = engine;
    const stream = newStream('large');
    const text = 'x'.repeat(900_000);
    for (let i = 0; i < 24; i++) await eventStore.append(stream, i - 1, [newEvent({ text, i })]);
    const read = await eventStore.read(stream, 0, 100);
    expect(read.map((e) => e.revision)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    const batch = await eventStore.readAll(null, ['large-'], 100);
    expect(batch.events.length).toBeLessThan(24);
    expect(await readOut(eventStore, null, ['large-'])).toHaveLength(24);
  });
});
