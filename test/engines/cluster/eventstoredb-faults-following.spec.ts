import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type EventStoreDB, openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { Damaged, Unavailable } from '#libs/event-sourcing/errors';
import { NO_STREAM, type Position } from '#libs/event-sourcing/event';
import type { Batch, EventStore } from '#libs/event-sourcing/ports/event-store';
import { newEvent, newStream } from '#libs/event-sourcing/testing/sample-events';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { type ServerProcess, startServerProcess } from '../eventstoredb-server/process.fixture.js';

/** Follows in the background; what it throws is kept. */
class Following {
  readonly ids: string[] = [];
  readonly batches: Batch[] = [];
  error: Error | null = null;
  readonly #stop = new AbortController();
  readonly done: Promise<void>;

  constructor(store: EventStore, after: Position | null, prefixes: readonly string[], each: (batch: Batch) => Promise<void> | void = () => undefined) {
    this.done = (async () => {
      for await (const batch of store.subscribe(after, prefixes, this.#stop.signal)) {
        this.batches.push(batch);
        this.ids.push(...batch.events.map((e) => e.id));
        await each(batch);
      }
    })().catch((error: Error) => { this.error = error; });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.done;
  }
}

describe('eventstoredb: following, whatever the client and the server do', () => {
  let server: ServerProcess;
  let opened: EventStoreDB[] = [];
  let followings: Following[] = [];
  beforeAll(async () => { server = await startServerProcess(); });
  afterEach(async () => {
    server.thaw();
    await server.clearFaults();
    await Promise.all(followings.map((f) => f.stop()));
    await Promise.all(opened.map((o) => o.close()));
    opened = [];
    followings = [];
  });
  afterAll(() => server.stop());

  const open = async (more: object = {}): Promise<EventStoreDB> => {
    const engine = await openEventStoreDB({ url: server.url, prefix: '', deadlineMs: 500, limitMs: 2000, probeMs: 400, heartbeatMs: 100, stallMs: 300, ...more });
    opened.push(engine);
    return engine;
  };
  const follow = (...args: ConstructorParameters<typeof Following>): Following => {
    const following = new Following(...args);
    followings.push(following);
    return following;
  };
  /** Appends one event, however often it takes. */
  const put = async (store: EventStore, stream: string): Promise<string> => {
    const event = newEvent();
    await until('the append is answered', () => store.append(stream, NO_STREAM, [event]).then(() => true, (e: unknown) => {
      if (e instanceof Unavailable) return false;
      throw e;
    }));
    return event.id;
  };

  it('one subscription serves all who follow', async () => {
    const { eventStore } = await open();
    const category = `many${randomUUID()}`;
    const all = Array.from({ length: 20 }, () => follow(eventStore, null, [`${category}-`]));
    const ids: string[] = [];
    for (let i = 0; i < 30; i++) ids.push(await put(eventStore, `${category}-${i}`));
    for (const f of all) await until('all came', () => f.ids.length >= ids.length);
    for (const f of all) expect(f.ids).toEqual(ids);
    expect((await server.state()).subscriptions).toBe(1);
  });

  it('7: what is not read to the end is cancelled, and a read that hangs is bounded', async () => {
    const { eventStore } = await open();
    const stream = newStream('long');
    await eventStore.append(stream, NO_STREAM, Array.from({ length: 300 }, () => newEvent({ text: 'x'.repeat(1000) })));
    for (let i = 0; i < 50; i++) expect((await eventStore.readAll(null, ['long-'], 2)).events).toHaveLength(2);
    await until('no read is left', async () => (await server.state()).reads === 0);
    await server.fault({ operation: 'read', fault: 'hang', stream });
    await expect(eventStore.read(stream, 0, 10)).rejects.toThrow(Unavailable);
    await expect(eventStore.last(stream)).rejects.toThrow(Unavailable);
    await server.clearFaults();
    await server.fault({ operation: 'read', fault: 'hang', stream, times: 1 });
    expect(await eventStore.read(stream, 0, 10)).toHaveLength(10);
    await until('no read is left', async () => (await server.state()).reads === 0);
  });

  it('7: a line cut in the middle of a read costs nothing', async () => {
    const { eventStore } = await open();
    const stream = newStream();
    await eventStore.append(stream, NO_STREAM, Array.from({ length: 200 }, () => newEvent()));
    await server.fault({ operation: 'read', fault: 'cut', after: 50, stream, times: 1 });
    expect((await eventStore.read(stream, 0, 1000)).map((e) => e.revision)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect((await server.met())['read cut']).toBeGreaterThan(0);
  });

  it('8: a follower that throws stops nobody else', async () => {
    const { eventStore } = await open();
    const category = `throws${randomUUID()}`;
    const [bad, good] = [follow(eventStore, null, [`${category}-`], () => { throw new Error('no'); }), follow(eventStore, null, [`${category}-`])];
    const ids = [await put(eventStore, `${category}-0`)];
    await until('it threw', () => bad.error !== null);
    for (let i = 1; i < 20; i++) ids.push(await put(eventStore, `${category}-${i}`));
    await until('all came', () => good.ids.length >= ids.length);
    expect(good.ids).toEqual(ids);
  });

  it.each(['ends without an error', 'is cut', 'ends with the server'] as const)('9: begins anew when the subscription %s, without gap or double', async (how) => {
    const { eventStore } = await open();
    const category = `again${randomUUID()}`;
    const following = follow(eventStore, await eventStore.head(), [`${category}-`]);
    const ids = [await put(eventStore, `${category}-0`)];
    await until('it follows', () => following.ids.length === 1);
    for (let round = 1; round <= 3; round++) {
      if (how === 'ends without an error') await until('a subscription ended', async () => (await server.dropSubscriptions()) > 0);
      else if (how === 'is cut') await server.cutConnections();
      else await server.restart();
      for (let i = 0; i < 10; i++) ids.push(await put(eventStore, `${category}-${round}-${i}`));
      await until('all came', () => following.ids.length >= ids.length || following.error !== null);
      expect(following.error).toBeNull();
      expect(following.ids).toEqual(ids);
    }
  });

  it('9: waits longer from failure to failure, and follows when it is let', async () => {
    const { eventStore } = await open({ heartbeatMs: 5000 });
    const category = `backoff${randomUUID()}`;
    const following = follow(eventStore, await eventStore.head(), [`${category}-`]);
    await until('it subscribed', async () => (await server.state()).subscriptions === 1);
    const before = (await server.met())['subscribe status'] ?? 0;
    await server.fault({ operation: 'subscribe', fault: 'status', code: 8 });
    const id = await put(eventStore, `${category}-0`);
    await server.dropSubscriptions();
    const from = performance.now();
    await until('it tried four times', async () => ((await server.met())['subscribe status'] ?? 0) - before >= 4);
    expect(performance.now() - from).toBeGreaterThan(100 + 200 + 400);
    await server.clearFaults();
    await until('it came', () => following.ids.length === 1);
    expect(following.ids).toEqual([id]);
  });

  it('9: makes the subscription anew that stands still though the server answers', async () => {
    const { eventStore } = await open();
    const category = `still${randomUUID()}`;
    const following = follow(eventStore, await eventStore.head(), [`${category}-`]);
    await until('it subscribed', async () => (await server.state()).subscriptions === 1);
    await server.fault({ operation: 'subscribe', fault: 'hang', times: 1 });
    await server.dropSubscriptions();
    await until('it hangs', async () => ((await server.met())['subscribe hang'] ?? 0) > 0);
    const id = await put(eventStore, `${category}-0`);
    await until('it came', () => following.ids.length === 1);
    expect(following.ids).toEqual([id]);
  });

  it('10: a frozen server is silence, not a heartbeat; it is heard again when it thaws', async () => {
    const { eventStore, failing } = await open();
    const category = `frozen${randomUUID()}`;
    const following = follow(eventStore, await eventStore.head(), [`${category}-`]);
    await until('it beats', () => following.batches.length >= 3);
    expect(following.ids).toEqual([]);
    server.freeze();
    const from = performance.now();
    let beats = following.batches.length;
    let quiet = from;
    await until('it was silent for 1.5 s', () => {
      if (following.batches.length !== beats) { beats = following.batches.length; quiet = performance.now(); }
      return performance.now() - quiet > 1500;
    });
    expect(quiet - from).toBeLessThan(2000);
    await expect(eventStore.append(`${category}-0`, NO_STREAM, [newEvent()])).rejects.toThrow(Unavailable);
    await until('it says so', async () => (await failing()).some(({ reason }) => /nothing was heard from EventStoreDB for \d+ s/.test(reason)));
    server.thaw();
    const id = await put(eventStore, `${category}-1`);
    await until('it came', () => following.ids.includes(id));
    await until('all is well', async () => (await failing()).length === 0);
  });

  it('tells how far the log is though nothing in it is for anybody here', async () => {
    const { eventStore } = await open();
    const following = follow(eventStore, await eventStore.head(), [`never${randomUUID()}-`]);
    const { position } = await eventStore.append(newStream('other'), NO_STREAM, [newEvent()]);
    await until('it is told', () => (following.batches.at(-1)?.position ?? '') >= position);
    expect(following.ids).toEqual([]);
  });

  it('refuses a position ahead of the log, and one of another engine', async () => {
    const { eventStore } = await open({ aheadMs: 300 });
    const ahead = '00000000009999999999-00000000009999999999';
    const next = (after: string): Promise<unknown> => eventStore.subscribe(after, [], new AbortController().signal)[Symbol.asyncIterator]().next();
    await expect(next(ahead)).rejects.toThrow(Unavailable); // a node that was just elected may be behind
    await until('it counts as damage', () => eventStore.readAll(ahead, [], 10).then(() => false, (error: Error) => error instanceof Damaged));
    await expect(next(ahead)).rejects.toThrow(/the log ends at .* before what was already seen of it \(a restored backup/);
    await expect(eventStore.readAll(ahead, [], 10)).rejects.toThrow(Damaged);
    await expect(next('0000000000000001')).rejects.toThrow('not a position of this log');
  });

  it('refuses to follow on when the log that comes back is shorter', async () => {
    const first = await startServerProcess();
    const engine = await openEventStoreDB({ url: first.url, prefix: '', deadlineMs: 500, limitMs: 2000, probeMs: 400, heartbeatMs: 100, aheadMs: 300 });
    const following = new Following(engine.eventStore, null, []);
    for (let i = 0; i < 5; i++) await put(engine.eventStore, newStream());
    await until('all came', () => following.ids.length === 5);
    await first.kill();
    const second = await startServerProcess(['--port', String(first.port)]);
    await until('it is refused', () => following.error !== null);
    expect(following.error).toBeInstanceOf(Damaged);
    expect(following.error!.message).toMatch('before what was already seen of it');
    expect((await engine.failing())[0]!.reason).toMatch('before what was already seen of it');
    await expect(engine.eventStore.subscribe(null, [], new AbortController().signal)[Symbol.asyncIterator]().next()).rejects.toThrow(Damaged);
    await engine.close();
    await second.stop();
    await first.stop();
  });
});
