import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { randomUUID } from 'node:crypto';
import { type EventStoreDB, openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { Damaged } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { Batch } from '#libs/event-sourcing/ports/event-store';
import { newEvent, newStream, readOut } from '#libs/event-sourcing/testing/sample-events';
import { type ServerProcess, startServerProcess } from '../eventstoredb-server/process.fixture.js';

/** Two houses of ours, one of whose names begins with the other's, and another program, on one EventStoreDB. */
describe('eventstoredb: houses beside each other', () => {
  let server: ServerProcess;
  let here: EventStoreDB;
  let there: EventStoreDB;
  let bare: EventStoreDBClient;
  const followings: AbortController[] = [];
  beforeAll(async () => {
    server = await startServerProcess();
    [here, there] = await Promise.all(['a.', 'a_b.'].map((prefix) => openEventStoreDB({ url: server.url, heartbeatMs: 100, prefix }))) as [EventStoreDB, EventStoreDB];
    bare = EventStoreDBClient.connectionString(server.url);
  });
  afterEach(() => { for (const stop of followings.splice(0)) stop.abort(); });
  afterAll(async () => {
    await bare.dispose();
    await here.close();
    await there.close();
    await server.stop();
  });
  const following = ({ eventStore }: EventStoreDB, after: string | null, prefixes: string[]): AsyncIterator<Batch> => {
    const stop = new AbortController();
    followings.push(stop);
    return eventStore.subscribe(after, prefixes, stop.signal)[Symbol.asyncIterator]();
  };
  const firstOf = async (batches: AsyncIterator<Batch>): Promise<string[]> => {
    for (;;) {
      const { events } = (await batches.next()).value as Batch;
      if (events.length > 0) return events.map((e) => e.id);
    }
  };

  it('each has a stream of the same name, and only its own events in it', async () => {
    const stream = newStream();
    const [mine, theirs] = [newEvent({ of: 'here' }), newEvent({ of: 'there' })];
    await here.eventStore.append(stream, NO_STREAM, [mine]);
    await there.eventStore.append(stream, NO_STREAM, [theirs]);
    expect(await here.eventStore.read(stream, 0, 10)).toMatchObject([{ id: mine.id, stream, revision: 0 }]);
    expect(await there.eventStore.last(stream)).toMatchObject({ id: theirs.id, stream, revision: 0 });
  });

  it.each([['of some prefixes', ['thing-']], ['of all streams', []]])('follows its own log: %s', async (_, prefixes) => {
    const after = await here.eventStore.head();
    const [mine, theirs] = [newEvent(), newEvent()];
    const [followsHere, followsThere] = [following(here, after, prefixes), following(there, after, prefixes)];
    const heard = Promise.all([firstOf(followsHere), firstOf(followsThere)]);
    await there.eventStore.append(newStream(), NO_STREAM, [theirs]);
    await here.eventStore.append(newStream(), NO_STREAM, [mine]);
    expect(await heard).toEqual([[mine.id], [theirs.id]]);
    expect((await readOut(here.eventStore, after, prefixes)).map((e) => e.id)).toEqual([mine.id]);
    expect((await readOut(there.eventStore, after, prefixes)).map((e) => e.id)).toEqual([theirs.id]);
  });

  it('passes over what another program writes, whatever it is called and however much', async () => {
    const after = await here.eventStore.head();
    const follows = following(here, after, []);
    const heard = firstOf(follows);
    for (const stream of ['thing-1', 'a', 'a-1', 'b_a.thing-1', randomUUID()]) {
      await bare.appendToStream(stream, Array.from({ length: 600 }, (_, i) => jsonEvent({ type: 'Theirs', data: { i } })));
    }
    const mine = newEvent();
    const { position } = await here.eventStore.append('thing-1', NO_STREAM, [mine]);
    expect(await heard).toEqual([mine.id]);
    expect((await readOut(here.eventStore, after, [])).map((e) => e.position)).toEqual([position]);
    expect(await here.eventStore.read('thing-1', 0, 10)).toMatchObject([{ id: mine.id }]);
    expect(await here.failing()).toEqual([]);
  });

  it('the checksum is over our own names: copied into the other house, an event is read in the stream of its name and refused in another', async () => {
    const stream = newStream();
    await here.eventStore.append(stream, NO_STREAM, [newEvent({ secret: 1 })]);
    const copied: Parameters<typeof bare.appendToStream>[1][] = [];
    for await (const { event } of bare.readStream(`a.${stream}`)) {
      const { id, type, data, metadata } = event!;
      copied.push({ id, type, contentType: 'application/octet-stream', data: data as Uint8Array, metadata: new TextEncoder().encode(JSON.stringify(metadata)) });
    }
    const other = newStream();
    for (const event of copied) await bare.appendToStream(`a_b.${other}`, event);
    await expect(there.eventStore.read(other, 0, 10)).rejects.toThrow(Damaged);
    for (const event of copied) await bare.appendToStream(`a_b.${stream}`, event);
    expect(await there.eventStore.read(stream, 0, 10)).toHaveLength(1);
  });

  it('no house may take the server\'s own streams', async () => {
    await expect(openEventStoreDB({ url: server.url, prefix: '$ce-' })).rejects.toThrow('EventStoreDB\'s own');
  });
});
