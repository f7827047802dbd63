import { randomUUIDv7 } from 'node:crypto';
import { systemClock, type Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { AcceptMessage, message, RecordOutcome, StartAttempt } from '#libs/messaging/message/message.decider';
import { messageLog } from '#projections/message-log/message-log.projection';
import { grouped, telling, type Ground } from '../ground.js';
import { newPlace, type Place } from '../server.js';
import { acceptance, openPlace } from './opened.js';

const FLUSHED_AT_ONCE = 500;
const PER_RECIPIENT = 10;
const MS_APART = 100;
const OWNERS = ['bench', 'bench', 'bench', 'other'];
/** Accepted, attempt started, attempt sent. */
export const EVENTS_EACH = 3;
const SENT = { outcome: 'sent', status: 200, providerRef: 'ref1', answer: 'OK ref1' } as const;

export const recipient = (i: number): string => `+1666${String(i).padStart(7, '0')}`;

/** A folder with messages that were accepted over the last hours and sent: three of four are `bench`'s, ten to each number. */
export async function sentMessages(ground: Ground, messages: number, place = newPlace(ground), engines?: Parameters<typeof openPlace>[2]): Promise<Place> {
  let at = Date.now() - messages * MS_APART;
  const clock: Clock = { ...systemClock, now: () => new Date(at) };
  const opened = await openPlace(place, clock, engines);
  const { gathering: { commands }, gathered } = opened;
  try {
    const made = async (i: number): Promise<void> => {
      const id = `msg_${randomUUIDv7().replaceAll('-', '')}`, owner = OWNERS[i % OWNERS.length]!;
      const worker = { principal: 'system:worker', correlationId: id, causationId: `${id}/1` };
      await commands.execute(message, new AcceptMessage(id, acceptance({ owner, recipient: recipient(Math.floor(i / PER_RECIPIENT)) }), { principal: owner, correlationId: id, causationId: id, creates: true }));
      await commands.execute(message, new StartAttempt(id, { n: 1 }, { ...worker, exclusive: true }));
      await commands.execute(message, new RecordOutcome(id, { n: 1, result: SENT, durationMs: 12 }, worker));
    };
    let i = 0;
    await telling(ground, () => `prepared ${grouped(i)} of ${grouped(messages)} messages`, async () => {
      while (i < messages) {
        const together: Promise<void>[] = [];
        for (const end = Math.min(messages, i + FLUSHED_AT_ONCE); i < end; i++) together.push(made(i));
        await Promise.all(together);
        await gathered.flush();
        at += MS_APART * FLUSHED_AT_ONCE;
      }
    });
    // so that a server on it has nothing to catch up with
    for (const follower of [messageLog.name, 'due-work']) await rebuilt(ground, opened.kernel, follower);
  } finally { await opened.close(); }
  return place;
}

/** Makes what a follower keeps anew; answers how many events were folded. */
export async function rebuilt(ground: Ground, kernel: Kernel, follower: string): Promise<number> {
  let folded = 0;
  return telling(ground, () => `${follower}: ${grouped(folded)} events folded`, () => kernel.rebuild(follower, (events) => { folded = events; }));
}

const places = new WeakMap<Ground, Promise<Place>>();
/** The folder that the figures of one run share: 200,000 messages, quick 15,000. */
export function preparedMessages(ground: Ground): { messages: number; place: Promise<Place> } {
  const messages = ground.quick ? 15_000 : 200_000;
  const known = places.get(ground) ?? sentMessages(ground, messages);
  places.set(ground, known);
  return { messages, place: known };
}
