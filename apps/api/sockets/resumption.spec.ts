import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { NO_STREAM, type Position } from '#libs/event-sourcing/event';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import { newEvent } from '#libs/event-sourcing/testing/sample-events';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { message } from '#libs/messaging/message/message.decider';
import { messageSamples } from '#libs/messaging/message/message.samples';
import { LiveFeed } from './live-feed.js';
import { Resumption } from './resumption.js';
import { Subscription } from './subscription.js';
import type { LiveSocket } from './visitor.js';

const dir = mkdtempSync(join(tmpdir(), 'heliograph-sockets-'));
const registry = new EventRegistry([message as never]);
let engine: Embedded, feed: LiveFeed, resumption: Resumption, follows = 0, n = 0;
beforeAll(async () => {
  engine = await openEmbedded({ dir });
  const { eventStore: store } = engine;
  const subscribe = store.subscribe.bind(store);
  store.subscribe = (...asked) => { follows++; return subscribe(...asked); };
  feed = new LiveFeed({ store, registry, clock: systemClock, log: { error: () => { throw new Error('the feed stopped'); } } });
  resumption = new Resumption({ store, registry, feed, page: 3, mostBack: 60, mostKept: 7 });
});
afterAll(async () => {
  await engine.close();
  rmSync(dir, { recursive: true });
});

/** One more message of somebody's; answers its id. */
async function happens(owner: string): Promise<string> {
  const id = `msg_${++n}`;
  await engine.eventStore.append(`message-${id}`, NO_STREAM, [newEvent(messageSamples.MessageDead.data, { type: 'MessageDead', tags: { owner } })]);
  return id;
}

/** Somebody who connects, is cut off, and comes again with what was seen last. */
class Program {
  readonly seen: string[] = [];
  last: Position;
  #subscription: Subscription | null = null;
  constructor(readonly owner: string, from: Position) { this.last = from; }

  async connect(): Promise<void> {
    const socket = {
      party: { principal: { owner: this.owner, role: 'user', scopes: null, credential: { kind: 'api-token', id: 'x' } } }, closedWith: null as number | null,
      send: (text: string) => { if (socket.closedWith === null) this.#told(text); },
      sent: async (text: string) => { socket.send(text); await new Promise((resolve) => { setImmediate(resolve); }); return socket.closedWith === null; },
      end: () => { throw new Error('ended'); },
    };
    const subscription = this.#subscription = new Subscription(socket as unknown as LiveSocket);
    await resumption.resume(subscription, this.last, async () => { await feed.listen(subscription); subscription.patterns.add('message.*'); }).catch((error: unknown) => { if (socket.closedWith === null) throw error; });
  }
  cut(): void {
    if (!this.#subscription) return;
    (this.#subscription.socket as { closedWith: number | null }).closedWith = 1006;
    feed.leave(this.#subscription);
    this.#subscription = null;
  }
  #told(text: string): void {
    const { id, position } = JSON.parse(text) as { id: string; position: Position };
    this.seen.push(id);
    this.last = position;
  }
}
const head = async (): Promise<Position> => (await engine.eventStore.head())!;

type Step = 'mine' | 'theirs' | 'cut' | 'connect' | 'breathe';
describe('T38 whoever is cut off and comes again', () => {
  it('sees every event of his once, in order, wherever the cuts are', async () => {
    await happens('nobody');
    const step: fc.Arbitrary<Step> = fc.constantFrom('mine', 'mine', 'mine', 'theirs', 'cut', 'connect', 'breathe');
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const owner = `owner${++n}`, expected: string[] = [], program = new Program(owner, await head());
      let connecting: Promise<void> | null = null;
      const pending: Promise<unknown>[] = [];
      const connect = (): void => { if (!connecting) { connecting = program.connect(); pending.push(connecting); } };
      for (const s of steps) {
        // what happens does not wait for whoever is being shown what was missed
        if (s === 'mine') expected.push(await happens(owner));
        else if (s === 'theirs') await happens('somebody else');
        else if (s === 'connect') connect();
        else if (s === 'cut') { program.cut(); connecting = null; }
        else await new Promise((resolve) => { setImmediate(resolve); });
      }
      connect();
      await Promise.all(pending);
      await until('everything was seen', () => program.seen.length >= expected.length, 2_000).catch(() => undefined);
      expect(program.seen).toEqual(expected);
      program.cut();
    }), { numRuns: 60 });
  }, 60_000);
  it('too far back: nothing of it is shown, and what happens meanwhile is', async () => {
    const from = await head();
    for (let i = 0; i < 61; i++) await happens('far');
    const program = new Program('far', from);
    const connecting = program.connect();
    const meanwhile = happens('far');
    await expect(connecting).rejects.toMatchObject({ code: 'too_far_back', message: 'More than 60 events have happened since that position. Read the lists instead, then go on from here.' });
    const last = await meanwhile;
    await until('what happened meanwhile is shown', () => program.seen.length > 0);
    expect(program.seen).toEqual([last]);
    program.cut();
  });
  it('who does not read holds up nobody else, and is not kept in memory', async () => {
    const from = await head(), stuck: (() => void)[] = [], told: string[] = [];
    for (let i = 0; i < 55; i++) await happens('stuck');
    const slow = Array.from({ length: 4 }, () => {
      const socket = { party: { principal: { owner: 'stuck', role: 'user', scopes: null, credential: { kind: 'api-token', id: 'x' } } }, closedWith: null as number | null, end: () => undefined,
        send: (text: string) => { told.push(text); }, sent: async (text: string) => { told.push(text); await new Promise<void>((resolve) => { stuck.push(resolve); }); return socket.closedWith === null; } };
      const subscription = new Subscription(socket as unknown as LiveSocket);
      return { socket, subscription, done: resumption.resume(subscription, from, async () => { await feed.listen(subscription); subscription.patterns.add('message.*'); }).then(({ count }) => count, () => 'closed') };
    });
    await until('all of them are stuck', () => stuck.length === slow.length);
    await happens('quick');
    const quick = new Program('quick', from);
    await quick.connect();
    expect(quick.seen).toHaveLength(1);
    quick.cut();
    slow[0]!.socket.closedWith = 1013;
    const going = setInterval(() => { for (const go of stuck.splice(0)) go(); }, 1);
    expect(await Promise.all(slow.map(({ done }) => done)).finally(() => { clearInterval(going); })).toEqual(['closed', 55, 55, 55]);
    for (const { subscription } of slow) feed.leave(subscription);
    expect(new Set(told).size).toBe(55);
  });
  it.each(['9999999999999999', 'x', '-000000000000001', '1', '00000000000000000001-00000000000000000001', '000000000000000a'])('a position that is not one of this log is refused: %s', async (from) => {
    const subscription = new Subscription({ party: { principal: { owner: 'x' } } } as unknown as LiveSocket);
    await expect(resumption.resume(subscription, from, () => { throw new Error('not begun'); })).rejects.toMatchObject({ code: 'validation_failed', errors: [{ field: 'position' }] });
    expect(subscription.held).toBe(false);
  });
});

describe('the feed', () => {
  it('follows the log once for all who listen, from the first to the last, and not at all otherwise', async () => {
    await until('nobody listens', () => feed.listeners === 0);
    const before = follows;
    for (let i = 0; i < 3; i++) await happens('quiet');
    expect([follows, feed.position]).toEqual([before, null]);
    const programs = await Promise.all(['a', 'b', 'c'].map(async (owner) => { const program = new Program(owner, await head()); await program.connect(); return program; }));
    await until('it follows', () => follows === before + 1);
    await happens('b');
    await until('b is told', () => programs[1]!.seen.length === 1);
    expect([programs[0]!.seen, programs[2]!.seen, feed.listeners]).toEqual([[], [], 3]);
    for (const program of programs) program.cut();
    expect([feed.listeners, feed.position, follows]).toEqual([0, null, before + 1]);
  });
});
