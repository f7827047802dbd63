/** The server as the real client sees it. What an event store has to hold to is in the contract; here is what else an adapter relies on. */
import { ANY, BACKWARDS, END, EventStoreDBClient, NO_STREAM, START, STREAM_EXISTS, streamNameFilter, type AllStreamResolvedEvent, type Position } from '@eventstore/db-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { append, clientOf, disposeAll, event, newStream, refusal } from './bare-client.fixture.js';
import { startServer, type EventStoreServer } from './server.js';

let folder: string;
let server: EventStoreServer;
let client: EventStoreDBClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'eventstoredb-'));
  server = await startServer({ folder, port: 0, controlPort: 0 });
});
afterEach(disposeAll);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});
const open = (): void => { client = clientOf(server); };

async function idsOf(events: AsyncIterable<{ event?: { id: string } | undefined }>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event: e } of events) ids.push(e!.id);
  return ids;
}

describe('the EventStoreDB server for tests', () => {
  it('answers a repeat with the first position and revision, also after later events', async () => {
    open();
    const stream = newStream();
    const events = [event(), event()];
    const first = await append(client, stream, ...events);
    await client.appendToStream(stream, [event()], { expectedRevision: 1n });
    expect(await append(client, stream, ...events)).toEqual(first);
    expect(first.position!.commit).toBe(first.position!.prepare);
    const read = [];
    for await (const { event: e } of client.readStream(stream)) read.push(e!.position);
    expect(read[1]).toEqual(first.position);
  });

  it('says the same over Append, which the client uses for a call with a login of its own', async () => {
    open();
    const stream = newStream();
    const credentials = { username: 'somebody', password: 'else' };
    const first = event();
    expect(await client.appendToStream(stream, [first], { expectedRevision: NO_STREAM, credentials })).toMatchObject({ success: true, nextExpectedRevision: 0n });
    expect(await refusal(client.appendToStream(stream, [event()], { expectedRevision: 4n, credentials })))
      .toMatchObject({ type: 'wrong-expected-version', streamName: stream, expectedVersion: 4n, actualVersion: 0n });
    expect(await idsOf(client.readStream(stream))).toEqual([first.id]);
  });

  it('refuses more than a mebibyte together, and an id that is none', async () => {
    open();
    const half = { text: 'x'.repeat(600 * 1024) };
    expect(await refusal(append(client, newStream(), event(half), event(half)))).toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: 1024 * 1024 });
    expect((await refusal(append(client, newStream(), { ...event(), id: 'x' }))).message).toContain('"x" is not a UUID');
  });

  it('hides a soft-deleted stream until somebody appends, who goes on counting', async () => {
    open();
    const stream = newStream();
    await append(client, stream, event(), event());
    await client.deleteStream(stream, { expectedRevision: 1n });
    expect((await refusal(idsOf(client.readStream(stream)))).type).toBe('stream-not-found');
    expect((await refusal(client.appendToStream(stream, [event()], { expectedRevision: STREAM_EXISTS }))).type).toBe('stream-deleted');
    const later = event();
    expect(await append(client, stream, later)).toMatchObject({ nextExpectedRevision: 2n });
    expect(await idsOf(client.readStream(stream))).toEqual([later.id]);
  });

  it('never takes anything for a stream with a tombstone', async () => {
    open();
    const stream = newStream();
    await append(client, stream, event());
    await client.tombstoneStream(stream);
    expect((await refusal(client.appendToStream(stream, [event()], { expectedRevision: ANY }))).type).toBe('stream-deleted');
    expect((await refusal(idsOf(client.readStream(stream)))).type).toBe('stream-deleted');
  });

  it('reads both ways, from anywhere: $all forwards from a position with its event, backwards without it', async () => {
    open();
    const stream = newStream();
    const events = Array.from({ length: 5 }, () => event());
    const ids = events.map((e) => e.id);
    const { position } = await append(client, stream, ...events);
    expect(await idsOf(client.readStream(stream, { fromRevision: 3n, maxCount: 5 }))).toEqual(ids.slice(3));
    expect(await idsOf(client.readStream(stream, { fromRevision: 3n, maxCount: 2, direction: BACKWARDS }))).toEqual([ids[3], ids[2]]);
    expect(await idsOf(client.readStream(stream, { fromRevision: END, maxCount: 1, direction: BACKWARDS }))).toEqual([ids[4]]);
    expect(await idsOf(client.readStream(stream, { fromRevision: 9n, maxCount: 2 }))).toEqual([]);
    expect(await idsOf(client.readAll({ fromPosition: position!, maxCount: 5 }))).toEqual([ids[4]]);
    expect(await idsOf(client.readAll({ fromPosition: position!, maxCount: 2, direction: BACKWARDS }))).toEqual([ids[3], ids[2]]);
    expect(await idsOf(client.readAll({ fromPosition: END, maxCount: 1, direction: BACKWARDS }))).toEqual([ids[4]]);
  });

  it('has system events in $all, as a new node of the original', async () => {
    open();
    for await (const { event: e } of client.readAll({ fromPosition: START, maxCount: 1 })) expect(e!.streamId).toMatch(/^\$\$/);
  });

  it('tells a filtering subscription checkpoints after so many events that were looked at, then that it caught up', async () => {
    open();
    const category = `c${newStream()}`;
    const { position } = await append(client, newStream(), event());
    for (let i = 0; i < 10; i++) await append(client, `${i % 5 === 0 ? category : 'else'}-${newStream()}`, event());
    const told: Position[] = [];
    const seen: AllStreamResolvedEvent[] = [];
    const checkpointReached = (_: unknown, at: Position): void => void told.push(at);
    const subscription = client.subscribeToAll({ fromPosition: position!, filter: streamNameFilter({ prefixes: [category], maxSearchWindow: 2, checkpointInterval: 2, checkpointReached }) });
    subscription.on('data', (e: AllStreamResolvedEvent) => seen.push(e));
    await once(subscription, 'caughtUp');
    expect(seen).toHaveLength(2);
    expect(told).toHaveLength(2);
    expect(told[1]!.commit).toBeGreaterThan(told[0]!.commit);
    const live = once(subscription, 'data');
    await append(client, `${category}-live`, event());
    await live;
    expect(seen.at(-1)!.event!.streamId).toBe(`${category}-live`);
    await subscription.unsubscribe();
  });
});
