import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createHash } from 'node:crypto';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AnyDecider } from '#libs/event-sourcing/decider';
import type { AnyProcess } from '#libs/event-sourcing/process';
import type { AnyProjection, Row } from '#libs/event-sourcing/projection';
import { bound, reaction } from '#libs/event-sourcing/reaction';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { liveView } from '#libs/event-sourcing/running/live-state';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { by, Room } from '#libs/event-sourcing/testing/rooms';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { delivery } from '#libs/messaging/message/delivery.process';
import { AcceptMessage, CancelMessage, message, RecordOutcome, StartAttempt } from '#libs/messaging/message/message.decider';
import type { MessageEvents } from '#libs/messaging/message/message.events';
import { messageLog } from '#projections/message-log/message-log.projection';

/** Everything that this process opens towards anywhere: told by Node itself, so that no library passes by. */
const CHANNELS = ['net.client.socket', 'udp.socket', 'http.client.request.start', 'undici:request:create'];
function recordOutbound(): { opened: string[]; end(): void } {
  const opened: string[] = [];
  const listeners = CHANNELS.map((channel) => [channel, () => { opened.push(channel); }] as const);
  for (const [channel, listener] of listeners) subscribe(channel, listener);
  return { opened, end: () => { for (const [channel, listener] of listeners) unsubscribe(channel, listener); } };
}

let room: Room;
let kernel: Kernel;
const put: unknown[] = [];
const MESSAGES = 600;

beforeAll(async () => {
  room = await Room.open();
  const { workQueue } = room.engine;
  // nobody consumes; what is handed over is kept
  room.engine = { ...room.engine, workQueue: { put: async (jobs) => { put.push(...jobs); await workQueue.put(jobs); }, consume: (...a) => workQueue.consume(...a) } };
  kernel = await open();
  const accept = (i: number): AcceptMessage => new AcceptMessage(`m${i}`, {
    owner: `o${i % 3}`, channel: 'sms', gateway: 'sms', address: 'number', recipient: `+49151000${String(i).padStart(5, '0')}`, sender: null, body: `body ${i}`, segments: 1, fingerprint: `f${i}`, shape: 'native',
    acceptedAt: null, sendAt: null, expiresAt: null, policy: { kind: 'constant', everyMs: 1, attempts: 5, spanMs: 86_400_000, jitter: 0 }, deadlineMs: 5_000, onUnknown: 'retry', receipts: true, metadata: null, batch: null,
  }, by(`a${i}`, { creates: true }));
  await Promise.all(Array.from({ length: MESSAGES }, async (_, i) => {
    await kernel.commands.execute(message as AnyDecider, accept(i));
    if (i % 4 === 0) return; // due now: what a replay must not send
    if (i % 4 === 1) { await kernel.commands.execute(message as AnyDecider, new CancelMessage(`m${i}`, { by: 'o', reason: 'asked' }, by(`x${i}`))); return; }
    await kernel.commands.execute(message as AnyDecider, new StartAttempt(`m${i}`, { n: 1 }, by(`s${i}`)));
    if (i % 4 === 2) await kernel.commands.execute(message as AnyDecider, new RecordOutcome(`m${i}`, { n: 1, durationMs: 5, result: { outcome: 'sent', status: 200, providerRef: null, answer: 'ok' } }, by(`e${i}`)));
  }));
});
afterAll(() => room.close());

const open = (over: Parameters<Room['kernel']>[0] = {}): Promise<Kernel> =>
  room.kernel({ clock: systemClock, deciders: [message as AnyDecider], processes: [delivery as AnyProcess], projections: [messageLog as AnyProjection], ...over });

/** Rows and their positions, as one number: two folds of one log must agree to the last byte. */
async function hashOf(p: AnyProjection): Promise<string> {
  const hash = createHash('sha256');
  for (let after: string[] | undefined; ;) {
    const page = await room.engine.readModels.find<Row>(collectionOf(p), { where: {}, sort: { by: ['id'] }, ...(after ? { after } : {}), limit: 500 });
    for (const r of page) hash.update(JSON.stringify([r.id, r.position, r.row]));
    if (page.length < 500) return hash.digest('hex');
    after = [page.at(-1)!.id];
  }
}
/** What the log holds, and that nothing left meanwhile. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const head = await room.engine.eventStore.head();
  const handedOver = put.length;
  const record = recordOutbound();
  try {
    const result = await work();
    expect(record.opened).toEqual([]);
    expect(put.length).toBe(handedOver);
    expect(await room.engine.eventStore.head()).toBe(head);
    return result;
  } finally { record.end(); }
}

describe('T80 replay has no way to send', () => {
  it('the control: the recorder hears a single connection, wherever it goes', async () => {
    const server = createServer((s) => s.end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => { server.once('listening', resolve); });
    const record = recordOutbound();
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
    await new Promise((resolve) => { socket.once('close', resolve); });
    record.end();
    server.close();
    expect(record.opened).toEqual(['net.client.socket']);
  });

  it('a rebuild folds the whole log, twice the same, and neither connects nor appends nor hands anything over', async () => {
    const p = messageLog as AnyProjection;
    const rebuilt = () => quietly(() => kernel.rebuild('message-log', () => {}));
    const events = await rebuilt();
    expect(events).toBe(MESSAGES / 4 * (1 + 2 + 3 + 2));
    const first = await hashOf(p);
    await rebuilt();
    expect(await hashOf(p)).toBe(first);
    expect(await room.engine.readModels.count(collectionOf(p), {})).toBe(MESSAGES);
  });

  it('nor does working out anew what is still to do', async () => {
    const before = await quietly(() => kernel.rebuild('due-work', () => {}));
    expect(await quietly(() => kernel.rebuild('due-work', () => {}))).toBe(before);
    expect(await room.engine.readModels.count('due_work@1', {})).toBe(MESSAGES / 2); // the next attempt, or the settling of the one under way
    await room.engine.readModels.drop('due_work@1'); // what starts below begins without it
  });

  it('nor does a new version of a view, followed from the start beside the old one, or folded in memory', async () => {
    await quietly(async () => {
      const next = { ...messageLog, version: 2 } as AnyProjection;
      const view = liveView(next);
      const k = await open({ projections: [next], processes: [], live: [view] });
      await k.startLive();
      k.startFollowers();
      const head = (await room.engine.eventStore.head())!;
      await until('the new version is at the head', () => (k.statuses.get('message-log')!.position ?? '') >= head);
      expect(view.all().size).toBe(MESSAGES);
      await kernel.rebuild('message-log', () => {});
      expect(await hashOf(next)).toBe(await hashOf(messageLog as AnyProjection));
      await k.close();
    });
  });

  it('nor does the reading of one message, or of all of them, cold', async () => {
    await quietly(async () => {
      const k = await open();
      for (let i = 0; i < MESSAGES; i += 7) await k.states.read(message as AnyDecider, `message-m${i}`);
    });
  });

  it('a process that starts from position 0 hands over hints of what is due now, and nothing of the past; it appends and connects nowhere', async () => {
    put.length = 0;
    const head = await room.engine.eventStore.head();
    const record = recordOutbound();
    const k = await open({ projections: [] , lanes: () => ({ rate: 1e6, concurrency: 1e6, circuit: { failures: 10, windowMs: 30_000, windowCalls: 20, windowShare: 0.5, probeMs: 30_000 } }) });
    k.startFollowers();
    await until('what is due is handed over', () => put.length >= MESSAGES / 4);
    await k.close();
    record.end();
    expect(record.opened).toEqual([]);
    expect(await room.engine.eventStore.head()).toBe(head);
    const due = Array.from({ length: MESSAGES / 4 }, (_, i) => `m${i * 4}/1`);
    expect((put as { id: string }[]).map((j) => j.id).toSorted()).toEqual(due.toSorted());
  });

  it('a reaction deployed today does not react to yesterday, and with all views lost does not react again', async () => {
    let asked = 0;
    const counting = reaction<MessageEvents>({ name: 'counting', follows: ['message'], react: () => { asked++; return []; } });
    const run = async (): Promise<void> => {
      const k = await open({ projections: [], processes: [], reactions: [bound(counting, null)] });
      k.startFollowers();
      const head = (await room.engine.eventStore.head())!;
      await until('it is at the head', () => (k.statuses.get('counting')!.position ?? '') >= head || k.statuses.get('counting')!.stopped !== null);
      expect(k.statuses.get('counting')!.stopped).toBeNull();
      await k.close();
    };
    await run();
    for (const { name } of await room.engine.readModels.collections()) await room.engine.readModels.drop(name);
    await run();
    expect(asked).toBe(0);
  });
});
