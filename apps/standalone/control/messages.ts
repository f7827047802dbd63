import { Refusal } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import { openEvents } from '#libs/event-sourcing/sealing/open-event';
import { look, LookAtMessage } from '#libs/messaging/look/look.decider';
import type { LookEvents } from '#libs/messaging/look/look.events';
import { message, type Message } from '#libs/messaging/message/message.decider';
import { MESSAGE_STATUSES, type MessageStatus } from '#libs/messaging/message/message.events';
import { messageLog } from '#projections/message-log/message-log.projection';
import { listMessages } from '#projections/message-log/message-log.reader';
import { attemptsAnswer, listedAnswer, messageAnswer } from '../../api/messages/message.answer.js';
import { contextOf, LOCAL, operation, type Parts, type Running } from './operation.js';
import { ownerLookedFor } from './owner.js';
import { upToDate } from './views.js';

const ATTEMPTS_SHOWN = 20;
const PAGE = 500;
/** A life of 10,000 attempts has 20,000 events; beyond these the API's paged life is the place. */
const LONGEST_LIFE = 50_000;
const LOOKS_SHOWN = 1_000;

export const listOfMessages = operation<{ owner?: string; status?: MessageStatus; limit?: number }, { messages: Record<string, unknown>[]; more: boolean; note: string | null }>({
  given: {
    type: 'object', additionalProperties: false, required: [],
    properties: {
      owner: { type: 'string', nullable: true }, status: { type: 'string', enum: MESSAGE_STATUSES, nullable: true }, limit: { type: 'integer', minimum: 1, maximum: 10_000, nullable: true },
    },
  },
  async run(parts, { owner: called, status, limit = 50 }, running) {
    await upToDate(parts, messageLog, running);
    const { readModels } = parts.kernel.options.engine;
    const { owner, note } = called === undefined ? { note: null } : await ownerLookedFor(parts, called, async (name) => (await listMessages(readModels, { owner: name }, 1)).messages.length > 0);
    const messages: Record<string, unknown>[] = [];
    let after: [string, string] | undefined;
    do {
      const page = await listMessages(readModels, { owner: owner ?? null, ...(status ? { status } : {}) }, Math.min(PAGE, limit - messages.length), after);
      const numbers = await parts.kernel.sealer.open(page.messages.flatMap(({ row }) => [row.recipient, row.sender]));
      messages.push(...page.messages.map(({ id, row }, i) => ({ ...listedAnswer(id, row, { recipient: numbers[2 * i] ?? null, sender: numbers[2 * i + 1] ?? null }), owner: row.owner })));
      after = page.next ?? undefined;
    } while (after && messages.length < limit);
    return { messages, more: after !== undefined, note };
  },
});

export const showMessage = operation<{ id: string }, Record<string, unknown>>({
  given: { type: 'object', additionalProperties: false, required: ['id'], properties: { id: { type: 'string' } } },
  async run(parts, { id }) {
    const { m, revision } = await found(parts, id);
    await looked(parts, id, m.owner, 'message');
    const { eventStore } = parts.kernel.options.engine;
    const last = await eventStore.read(`message-${id}`, Math.max(1, revision - 3 * ATTEMPTS_SHOWN + 1), 3 * ATTEMPTS_SHOWN);
    return { ...await shown(parts, id, m), recent_attempts: attemptsAnswer(await openEvents(parts.kernel.sealer, last), ATTEMPTS_SHOWN) };
  },
});

export interface LifeEvent { id: string; position: string; revision: number; type: string; version: number; at: string; principal: string; correlation_id: string; causation_id: string; data: Record<string, unknown> }
export interface Life { message: Record<string, unknown>; events: LifeEvent[]; /** who read it that is not its owner, before now */ looks: (LookEvents['MessageLookedAt'] & { position: string })[]; /** there are more events than are told here */ cut: boolean }

/** A message's whole life from its first event, opened; without an id, that of the newest message. */
export const replayMessage = operation<{ id?: string }, Life>({
  given: { type: 'object', additionalProperties: false, required: [], properties: { id: { type: 'string', nullable: true } } },
  async run(parts, given, running) {
    const id = given.id ?? await newest(parts, running);
    const { m, revision } = await found(parts, id);
    const { eventStore } = parts.kernel.options.engine;
    const looks = (await eventStore.read(`${look.stream}-${id}`, 0, LOOKS_SHOWN)).map((e): Life['looks'][number] => ({ ...(e.data as LookEvents['MessageLookedAt']), position: e.position }));
    await looked(parts, id, m.owner, 'life');
    const events: LifeEvent[] = [];
    while (events.length < LONGEST_LIFE) {
      running.signal.throwIfAborted();
      const page = await openEvents(parts.kernel.sealer, await eventStore.read(`message-${id}`, events.length, PAGE));
      events.push(...page.map((e) => ({
        id: e.id, position: e.position, revision: e.revision, type: e.type, version: e.version, at: e.metadata.at, principal: e.metadata.principal,
        correlation_id: e.metadata.correlationId, causation_id: e.metadata.causationId, data: e.data as Record<string, unknown>,
      })));
      running.progress({ done: events.length, of: revision + 1, unit: 'events' });
      if (page.length < PAGE) return { message: await shown(parts, id, m), events, looks, cut: false };
    }
    return { message: await shown(parts, id, m), events, looks, cut: revision + 1 > events.length };
  },
});

/** Whoever may open the socket or the folder is somebody too. */
const looked = (parts: Parts, id: string, owner: string, what: 'message' | 'life'): Promise<unknown> =>
  parts.kernel.commands.execute(look, new LookAtMessage(id, { owner, by: 'local', credential: LOCAL, what }, contextOf(parts)));

async function newest(parts: Parts, running: Running): Promise<string> {
  await upToDate(parts, messageLog, running);
  const { messages } = await listMessages(parts.kernel.options.engine.readModels, { owner: null }, 1);
  if (!messages[0]) throw new Refusal('not_found', 'There is no message yet.');
  return messages[0].id;
}

/** As stored now, whatever a cache says. */
async function found(parts: Parts, id: string): Promise<{ m: Message; revision: number }> {
  const known = /^[A-Za-z0-9_.-]{1,100}$/.test(id) ? await parts.kernel.states.read(message, `message-${id}`) : null;
  if (!known || known.revision === NO_STREAM) throw new Refusal('not_found', 'There is no message with this id. `messages list` shows the ids; a part of a batch may take a moment to be made.');
  return { m: known.state as Message, revision: known.revision };
}

async function shown({ kernel }: Parts, id: string, m: Message): Promise<Record<string, unknown>> {
  const [recipient, sender, body, metadata] = await kernel.sealer.open([m.recipient, m.sender, m.body, m.metadata]);
  return { ...messageAnswer(id, m, { recipient: recipient ?? null, sender: sender ?? null, body: body ?? null, metadata: metadata ?? null }), owner: m.owner };
}
