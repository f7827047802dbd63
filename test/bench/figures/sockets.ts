import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { WebSocketServer, type WebSocket } from 'ws';
import { LiveFeed } from '#apps/api/sockets/live-feed';
import { Subscription } from '#apps/api/sockets/subscription';
import type { LiveSocket, Visitor } from '#apps/api/sockets/visitor';
import { SUBJECTS } from '#apps/standalone/subjects';
import type { StoredEvent } from '#libs/event-sourcing/event';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import { offerHandshake } from '#libs/platform/http/handshakes';
import { Sockets } from '#libs/platform/sockets/sockets';
import { grouped, type Figure } from '../ground.js';
import type { Readers } from '../load/readers.thread.js';

const SOCKETS = 200, OWNERS = 4, BATCH = 500;

/** The attempt of a message, as the log holds it. */
const event = (i: number): StoredEvent => ({
  id: `evt_${i}`, type: 'AttemptStarted', version: 1, data: { n: 1, gateway: 'sms', startedAt: '2030-01-01T00:00:00.100Z', from: 'queued', to: 'sending' },
  stream: `message-msg_${i}`, revision: 1, position: String(i).padStart(16, '0'), tags: { owner: `owner${i % OWNERS}` }, metadata: { correlationId: 'c', causationId: 'c', principal: 'x', at: '2030-01-01T00:00:00.100Z' },
});
const FRAME = JSON.stringify({ type: 'message.sending', position: '0'.repeat(16), at: '2030-01-01T00:00:00.100Z', id: 'msg_100', batch: null, status: 'sending', attempt: 1, gateway: 'sms' });

/** A log whose events come when they are pushed, in batches as a follower gets them. */
function pushed(): { store: EventStore; push(events: StoredEvent[]): void } {
  let wake = (): void => undefined;
  const waiting: StoredEvent[][] = [];
  async function* subscribe(): AsyncGenerator<{ events: StoredEvent[]; position: string }, void, undefined> {
    for (;;) {
      for (let events = waiting.shift(); events; events = waiting.shift()) yield { events, position: events.at(-1)!.position };
      await new Promise<void>((resolve) => { wake = resolve; });
    }
  }
  return { store: { head: () => Promise.resolve('0'.repeat(16)), subscribe } as unknown as EventStore, push: (events) => { waiting.push(events); wake(); } };
}

interface Side { server: Server; all(): Promise<void>; close(): Promise<void> }
/** A server on loopback with its readers in a thread; `all` resolves when every reader has had its share once more. */
async function served(each: number, upgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void): Promise<Side> {
  const server = createServer().on('upgrade', upgrade as never);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const thread = new Worker(new URL('../load/readers.thread.js', import.meta.url), { workerData: { thread: 'readers', url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets: SOCKETS, each } satisfies Readers });
  const failed = once(thread, 'error').then(([error]) => { throw error as Error; });
  await Promise.race([once(thread, 'message'), failed]);
  return {
    server, all: async () => { await Promise.race([once(thread, 'message'), failed]); },
    close: async () => { thread.postMessage('end'); await once(thread, 'exit'); await new Promise((resolve) => { server.close(resolve); }); },
  };
}

/** Ours: a follower of the log, the table of what is published, who may see it, and the socket with its bounds. */
async function ours(each: number): Promise<Side & { push(events: StoredEvent[]): void }> {
  const { store, push } = pushed();
  const log = { error: ({ err }: { err?: unknown }): void => { throw err as Error; } };
  const feed = new LiveFeed({ store, registry: new EventRegistry(SUBJECTS.deciders as never), clock: systemClock, log });
  let opened = 0;
  const sockets = new Sockets<Visitor>({
    clock: systemClock, cheap: new Set(), count: () => Promise.resolve(0), ownerOf: () => String(opened), recheck: () => Promise.resolve(null), fresh: () => true, log,
    framed: () => undefined, opened: () => undefined, closed: () => undefined, swept: () => undefined,
  });
  const listening: Promise<void>[] = [];
  sockets.onOpen((socket: LiveSocket) => {
    const subscription = new Subscription(socket);
    subscription.patterns.add('message.*');
    socket.onClose(() => feed.leave(subscription));
    listening.push(feed.listen(subscription));
  });
  const side = await served(each, (request, socket, head) => {
    offerHandshake(request, socket, head, () => undefined);
    const owner = `owner${opened++ % OWNERS}`;
    sockets.accept(request, { shown: { authorization: [], apiKeys: [], cookies: [], socket }, principal: { owner, role: 'user', scopes: null, credential: { kind: 'api-token', id: 'x' } }, address: '203.0.113.9' }, {});
  });
  await Promise.all(listening);
  return { ...side, push };
}

/** What the library does alone: the same text to as many sockets, nobody asks what it is or who may see it. */
async function bare(each: number): Promise<Side & { send(owner: number): void }> {
  const sockets: WebSocket[] = [];
  const library = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
  const side = await served(each, (request, socket, head) => { library.handleUpgrade(request, socket, head, (ws) => { sockets.push(ws); }); });
  return { ...side, send: (owner) => { for (let i = owner; i < sockets.length; i += OWNERS) sockets[i]!.send(FRAME); } };
}

export const sockets: Figure = {
  name: 'sockets',
  about: `frames to ${SOCKETS} WebSockets of ${OWNERS} owners, each event to those of its owner: from the log's batch to the readers; beside it the library alone with a text that is there`,
  async measure(ground) {
    const events = ground.quick ? 2_000 : 8_000, each = events / OWNERS;
    const [we, they] = [await ours(each), await bare(each)];
    try {
      const samples: number[] = [], ceilings: number[] = [];
      const timed = async (side: Side, work: () => Promise<void>): Promise<number> => {
        const began = performance.now(), all = side.all();
        await work();
        await all;
        return (each * SOCKETS) / ((performance.now() - began) / 1000);
      };
      const breathe = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
      let made = 0;
      const batches = async (of: (first: number) => void): Promise<void> => { for (let i = 0; i < events; i += BATCH) { of(i); await breathe(); } };
      for (let i = -1; i < ground.repeats; i++) {
        ground.say(`sockets ${i + 1}/${ground.repeats}`);
        const ceiling = await timed(they, () => batches((first) => { for (let e = first; e < first + BATCH; e++) they.send(e % OWNERS); }));
        const sample = await timed(we, () => batches(() => { const from = made; made += BATCH; we.push(Array.from({ length: BATCH }, (_, k) => event(from + k + 1))); }));
        if (i >= 0) { ceilings.push(ceiling); samples.push(sample); }
      }
      return [{ figure: 'sockets', what: `${grouped(each * SOCKETS)} frames to ${SOCKETS} sockets`, unit: 'frames/s', samples, ceilings, aims: [{ of: 'ratio', atLeast: 1 }] }];
    } finally { await Promise.all([we.close(), they.close()]); }
  },
};
