import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type EventStoreDB, openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { Unavailable, VersionConflict } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import { newEvent, newStream } from '#libs/event-sourcing/testing/sample-events';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { type ServerProcess, startServerProcess } from '../eventstoredb-server/process.fixture.js';

const DEADLINES = { deadlineMs: 400, limitMs: 4000 };

describe('eventstoredb: appends, whatever the client and the server do', () => {
  let server: ServerProcess;
  let opened: EventStoreDB[] = [];
  beforeAll(async () => { server = await startServerProcess(); });
  afterEach(async () => {
    await server.clearFaults();
    await Promise.all(opened.map((o) => o.close()));
    opened = [];
  });
  afterAll(() => server.stop());

  const open = async (more: object = {}): Promise<EventStoreDB> => {
    const engine = await openEventStoreDB({ url: server.url, prefix: '', ...DEADLINES, ...more });
    opened.push(engine);
    return engine;
  };

  it('answers whoever waits when it is closed, takes nothing more, and leaves no connection', async () => {
    const { eventStore, close } = await openEventStoreDB({ url: server.url, prefix: '', ...DEADLINES });
    const waiting = Array.from({ length: 20 }, () => eventStore.append(newStream(), NO_STREAM, [newEvent()]));
    const closing = close();
    await expect(eventStore.append(newStream(), NO_STREAM, [newEvent()])).rejects.toThrow(Unavailable);
    for (const answer of await Promise.all(waiting)) expect(answer.revision).toBe(0);
    await closing;
    await until('the connections are closed', async () => (await server.state()).connections === 0);
    expect(await server.state()).toMatchObject({ reads: 0, subscriptions: 0 });
  });

  it.each([false, true])('1: repeats an append that is not answered, with the same ids and revision (done: %s)', async (done) => {
    const { eventStore } = await open();
    const stream = newStream();
    await server.fault({ operation: 'append', fault: 'hang', stream, done, times: 1 });
    const event = newEvent();
    const answer = await eventStore.append(stream, NO_STREAM, [event]);
    expect((await server.met())['append hang']).toBeGreaterThan(0);
    expect(await eventStore.read(stream, 0, 10)).toEqual([{ ...event, stream, revision: 0, position: answer.position }]);
  });

  it('1: gives up after the limit, says so, and the same call succeeds later', async () => {
    const { eventStore, failing } = await open({ deadlineMs: 150, limitMs: 500 });
    const stream = newStream();
    await server.fault({ operation: 'append', fault: 'hang', stream, done: true });
    const event = newEvent();
    await expect(eventStore.append(stream, NO_STREAM, [event])).rejects.toThrow(Unavailable);
    expect(await failing()).toEqual([{ part: 'log', reason: expect.stringContaining('no answer within 150 ms') }]);
    await server.clearFaults();
    expect(await eventStore.append(stream, NO_STREAM, [event])).toMatchObject({ revision: 0 });
    expect(await failing()).toEqual([]);
    expect(await eventStore.read(stream, 0, 10)).toHaveLength(1);
  });

  it('2: one client per process: stores share it, an error of the line costs nobody an append, another address is refused', async () => {
    const [a, b] = [await open(), await open()];
    expect((await server.state()).connections).toBe(1);
    await expect(openEventStoreDB({ url: 'esdb://127.0.0.1:1?tls=false', prefix: '' })).rejects.toThrow('One process speaks to one EventStoreDB');
    const [cut, whole] = [newStream('cut'), newStream('whole')];
    await server.fault({ operation: 'append', fault: 'slow', ms: 100, stream: whole, times: 1 });
    await server.fault({ operation: 'append', fault: 'cut', stream: cut, times: 1 });
    const answers = await Promise.all([a.eventStore.append(whole, NO_STREAM, [newEvent()]), b.eventStore.append(cut, NO_STREAM, [newEvent()])]);
    expect(answers).toEqual([expect.objectContaining({ revision: 0 }), expect.objectContaining({ revision: 0 })]);
    expect((await server.met())['append cut']).toBe(1);
  });

  it('4: leaves nothing behind on a connection that the client gave up', async () => {
    const { eventStore } = await open({ heartbeatMs: 100 });
    const stop = new AbortController();
    const stream = newStream('left');
    let seen = 0;
    const following = (async () => { for await (const { events } of eventStore.subscribe(null, ['left-'], stop.signal)) seen += events.length; })();
    for (let i = 0; i < 5; i++) {
      await eventStore.append(stream, i - 1, [newEvent()]);
      await until('it follows', async () => (await server.state()).subscriptions === 1);
      await server.fault({ operation: 'read', fault: 'status', code: 14, stream, times: 1 });
      expect(await eventStore.read(stream, 0, 10)).toHaveLength(i + 1);
    }
    await until('one connection carries all', async () => {
      const { connections, subscriptions } = await server.state();
      return connections === 1 && subscriptions === 1;
    }, 5000);
    await until('all came', () => seen === 5);
    stop.abort();
    await following;
  });

  it('3: refuses what JSON cannot hold at once, and goes on', async () => {
    const { eventStore } = await open();
    const stream = newStream();
    await expect(eventStore.append(stream, NO_STREAM, [newEvent({ n: 1n })])).rejects.toThrow(TypeError);
    expect(await eventStore.append(stream, NO_STREAM, [newEvent({ n: 1 })])).toMatchObject({ revision: 0 });
  });

  it.each(['busy', 'not-ready'] as const)('4: a server that is %s is not available, and is not asked again at once', async (as) => {
    const { eventStore } = await open();
    const stream = newStream();
    const before = (await server.met())['append busy'] ?? 0;
    await server.fault({ operation: 'append', fault: 'busy', as, stream });
    await expect(eventStore.append(stream, NO_STREAM, [newEvent()])).rejects.toThrow(Unavailable);
    expect((await server.met())['append busy']).toBe(before + 1);
    await server.clearFaults();
    await eventStore.append(stream, NO_STREAM, [newEvent()]);
  });

  it('4: a server that is down is not available, and is used again once it is back', async () => {
    const { eventStore, failing } = await open();
    const stream = newStream();
    await eventStore.append(stream, NO_STREAM, [newEvent()]);
    await server.kill();
    await expect(eventStore.append(stream, 0, [newEvent()])).rejects.toThrow(Unavailable);
    await expect(eventStore.read(stream, 0, 10)).rejects.toThrow(Unavailable);
    expect(await failing()).not.toEqual([]);
    await server.restart();
    await until('it answers again', () => eventStore.append(newStream(), NO_STREAM, [newEvent()]).then(() => true, () => false));
    expect(await eventStore.append(stream, 0, [newEvent()])).toMatchObject({ revision: 1 });
  });

  it('4: many calls while it is down do not become many connections when it is back', async () => {
    const { eventStore } = await open();
    await server.kill();
    for (let i = 0; i < 200; i++) await expect(eventStore.append(newStream(), NO_STREAM, [newEvent()])).rejects.toThrow(Unavailable);
    await server.restart();
    await until('it answers again', () => eventStore.append(newStream(), NO_STREAM, [newEvent()]).then(() => true, () => false));
    const from = performance.now();
    await until('the transport had its time to try again', async () => {
      expect((await server.state()).connections).toBeLessThan(10);
      return performance.now() - from > 1500;
    });
  });

  it.each([13, 2, 8])('5: an error %i in telling what the server can do is not remembered', async (code) => {
    await server.fault({ operation: 'features', fault: 'status', code, times: 1 });
    const { eventStore } = await open();
    expect(await eventStore.append(newStream(), NO_STREAM, [newEvent()])).toMatchObject({ revision: 0 });
    expect((await server.met())['features status']).toBeGreaterThan(0);
  });

  it('5: a server that never tells what it can do is asked by a new client', async () => {
    await server.fault({ operation: 'features', fault: 'hang', times: 1 });
    const { eventStore } = await open();
    expect(await eventStore.append(newStream(), NO_STREAM, [newEvent()])).toMatchObject({ revision: 0 });
  });

  it('6: a wrong revision is thrown; an address that would have it answered is refused', async () => {
    const { eventStore } = await open();
    await expect(eventStore.append(newStream(), 3, [newEvent()])).rejects.toThrow(VersionConflict);
    await expect(openEventStoreDB({ url: `${server.url}&throwOnAppendFailure=false`, prefix: '' })).rejects.toThrow('throwOnAppendFailure, which must be left out');
  });

  it('11: turns to the leader that it is told, once', async () => {
    const { eventStore } = await open();
    const stream = newStream();
    await server.fault({ operation: 'append', fault: 'not-leader', stream, leader: { host: '127.0.0.1', port: server.port }, times: 1 });
    expect(await eventStore.append(stream, NO_STREAM, [newEvent()])).toMatchObject({ revision: 0 });
    await server.fault({ operation: 'append', fault: 'not-leader', stream, leader: { host: '127.0.0.1', port: server.port } });
    const before = (await server.met())['append not-leader']!;
    await expect(eventStore.append(stream, 0, [newEvent()])).rejects.toThrow(Unavailable);
    expect((await server.met())['append not-leader']).toBe(before + 2);
  });

  it('12: appends to one stream that nobody waits for keep their order', async () => {
    const { eventStore } = await open();
    const stream = newStream();
    const events = Array.from({ length: 60 }, (_, i) => newEvent({ text: 'x'.repeat(i % 2 ? 10 : 50_000) }));
    const answers = await Promise.all(events.map((e, i) => eventStore.append(stream, i - 1, [e])));
    expect(answers.map((a) => a.revision)).toEqual(events.map((_, i) => i));
    expect((await eventStore.read(stream, 0, 100)).map((e) => e.id)).toEqual(events.map((e) => e.id));
  });

  it('holds no more appends than it may, and lets in again what finds room', async () => {
    const { eventStore } = await open({ maxQueued: 4, maxSent: 2, deadlineMs: 300 });
    const category = newStream('full');
    await server.fault({ operation: 'append', fault: 'hang', stream: category, times: 2 });
    const answers = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => eventStore.append(`${category}-${i}`, NO_STREAM, [newEvent()])));
    expect(answers.map((a) => (a.status === 'fulfilled' ? a.value.revision : (a.reason as Error).name))).toEqual([0, 0, 0, 0, ...Array<string>(4).fill('Unavailable')]);
    await eventStore.append(`${category}-9`, NO_STREAM, [newEvent()]);
  });

});
