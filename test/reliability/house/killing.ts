/** One life of a server under load, ended by kill -9 at a chosen moment. */
import { watch } from 'node:fs';
import { join } from 'node:path';
import type { StoredEvent } from '#libs/event-sourcing/event';
import type { Found } from './audit.js';
import type { Call, NotingGateway } from './gateway.js';
import { askFor, wish, type Sender, type Wish } from './sender.js';
import { bearer, certified, starting, type Place } from './server.js';

export const STAGES = ['accepted', 'started', 'in the call', 'answered', 'recorded'] as const;
export type Stage = (typeof STAGES)[number];
/** Whom the kill was aimed at (null: the newest attempt in the log), and when: at once after the signal was sent, and when the process was gone. */
export interface Kill { aim: Stage | 'starting'; target: string | null; sentAt: number; goneAt: number }

export interface Campaign { place: Place; gateway: NotingGateway; secret: string; wishes: Wish[]; random: () => number }

const LOOPS = { native: 12, s1: 3 };
const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

/** Asks for new wishes, and first for those that were never answered, until the server is gone. */
async function asking(c: Campaign, who: Sender, shape: Wish['shape'], gone: () => boolean, acknowledged: (w: Wish) => void): Promise<void> {
  while (!gone()) {
    const again = c.wishes.find((w) => w.shape === shape && w.id === null && !underWay.has(w));
    const w = again ?? wish(shape);
    if (!again) c.wishes.push(w);
    underWay.add(w);
    try {
      const reply = await askFor(who, w);
      if (w.id !== null) acknowledged(w);
      else if (reply.status !== 503) throw new Error(`${reply.status} ${reply.text}`);
    } catch (error) {
      // the line may be reset a moment before the process is seen to be gone
      for (let i = 0; i < 100 && !gone(); i++) await sleep(20);
      if (!gone()) throw error;
    } finally { underWay.delete(w); }
  }
}
const underWay = new Set<Wish>();

/** Starts the server, loads it, and kills it when a message comes to the stage that is aimed at, or a little after. */
export async function life(c: Campaign, aim: Stage): Promise<Kill> {
  const { place, gateway, random } = c;
  const server = starting(place);
  await server.ready;
  const clients = [bearer(place, c.secret), certified(place)];
  let kill: Kill | null = null;
  const hit = (target: string | null): void => {
    if (kill) return;
    server.child.kill('SIGKILL');
    kill = { aim, target, sentAt: Date.now(), goneAt: 0 };
  };
  let armed = false;
  const aimed = (target: string | null, afterMs: number): void => {
    if (!armed) return;
    armed = false;
    if (afterMs === 0) hit(target); else setTimeout(() => hit(target), afterMs);
  };
  const idOf = (call: Call): string => call.key.slice(0, call.key.lastIndexOf('/'));
  gateway.onCall = (call) => { if (aim === 'in the call') aimed(idOf(call), Math.floor(random() * 4)); };
  gateway.onAnswered = (call) => { if (aim === 'answered') aimed(idOf(call), 0); else if (aim === 'recorded') aimed(idOf(call), 4 + Math.floor(random() * 25)); };
  const acknowledged = (w: Wish): void => { if (aim === 'accepted') aimed(w.id!, 0); };
  // a claim is in the log for less than a millisecond before its call begins: only the log's own file tells of it in time
  const log = aim === 'started' ? watch(join(place.data, 'log.db-wal'), () => aimed(null, 0)) : null;
  const gone = (): boolean => kill !== null;
  const asked = [
    ...Array.from({ length: LOOPS.native }, () => asking(c, clients[0]!, 'native', gone, acknowledged)),
    ...Array.from({ length: LOOPS.s1 }, () => asking(c, clients[1]!, 's1', gone, acknowledged)),
  ];
  const finished = Promise.all(asked);
  finished.catch(() => hit('nobody'));
  await sleep(5 + random() * 50);
  armed = true;
  await server.ended;
  log?.close();
  if (!kill) throw new Error(`the server ended by itself: ${(await server.ended).said}`);
  (kill as Kill).goneAt = Date.now();
  for (const client of clients) client.close();
  await finished;
  return kill;
}

/** Kills the server while it starts. */
export async function stillborn(place: Place, afterMs: number): Promise<Kill> {
  const server = starting(place);
  await Promise.race([sleep(afterMs), server.ended]);
  const sentAt = Date.now();
  const { signal, said } = await server.end('SIGKILL');
  if (signal !== 'SIGKILL') throw new Error(`the server ended by itself: ${said}`);
  return { aim: 'starting', target: null, sentAt, goneAt: Date.now() };
}

const upTo = (events: readonly StoredEvent[], time: number): StoredEvent[] => events.filter((e) => Date.parse(e.metadata.at) <= time);

/** How far the message that a kill was aimed at had come: by the log, and by what the gateway saw. Null: not accepted. */
export function stageOf({ messages, log }: Found, { aim, target, sentAt, goneAt }: Kill, calls: ReadonlyMap<string, Call>): Stage | null {
  if (aim === 'starting') return null;
  const id = target ?? log.findLast((e) => e.type === 'AttemptStarted' && Date.parse(e.metadata.at) <= goneAt)?.stream.slice('message-'.length) ?? '';
  const events = upTo(messages.get(id)?.events ?? [], goneAt);
  if (events.length === 0) return null;
  const started = events.findLast((e) => e.type === 'AttemptStarted');
  if (!started) return 'accepted';
  const { n } = started.data as { n: number };
  if (events.some((e) => e !== started && e.type.startsWith('Attempt') && (e.data as { n: number }).n === n)) return 'recorded';
  const call = calls.get(`${id}/${n}`);
  if (!call) return 'started';
  return call.answeredAt !== null && call.answeredAt <= sentAt ? 'answered' : 'in the call';
}
