import { Refusal } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { Executed } from '#libs/event-sourcing/running/commands';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { openEvents } from '#libs/event-sourcing/sealing/open-event';
import { Foreign, maySee } from '#libs/identity/foreign';
import { principalName, type Principal } from '#libs/identity/principal';
import { look, LookAtMessage } from '#libs/messaging/look/look.decider';
import type { LookEvents } from '#libs/messaging/look/look.events';
import { AcceptMessage, CancelMessage, message, type Acceptance, type Message } from '#libs/messaging/message/message.decider';
import type { ListMessagesQuery, NativeMessageDto, PageQuery, S1MessageDto } from '#libs/messaging/message/messages.dto';
import { messageLog } from '#projections/message-log/message-log.projection';
import { listMessages, type MessageFilter } from '#projections/message-log/message-log.reader';
import { acceptNative, acceptS1, idFor } from './acceptance.js';
import { contextOf, type Answer, type Asking, type MessagePorts } from './asking.js';
import { acceptBatch, partMade, queuedPart } from './batches.js';
import { Cursors } from './cursors.js';
import { attemptsAnswer, listedAnswer, messageAnswer, type Opened } from './message.answer.js';

const ATTEMPTS_SHOWN = 20;
/** Events that the last attempts may have left, with those that stand between. */
const EVENTS_OF_LAST_ATTEMPTS = 3 * ATTEMPTS_SHOWN;

/** Messages as their owners see them. What belongs to somebody else is not there. */
export class Messages {
  readonly #cursors: Cursors;
  constructor(private readonly ports: MessagePorts) { this.#cursors = new Cursors(ports.keyring); }

  async acceptS1(dto: S1MessageDto, asking: Asking): Promise<Answer> {
    const { id, done, replayed } = await this.#accept(acceptS1(dto, asking.principal.owner, this.ports.gateways), asking);
    return { status: 200, body: { message_id: id, status: 'queued', created_at: done.state.acceptedAt }, position: done.position, replayed };
  }

  async acceptNative(dto: NativeMessageDto, asking: Asking): Promise<Answer> {
    const acceptance = acceptNative(dto, asking.principal.owner, this.ports.gateways);
    const { id, done, replayed } = await this.#accept(acceptance, asking);
    // a repeat is answered as the first time: from what was accepted, not from what became of it since
    const first: Message = { ...message.initial, ...accepted(done.state), status: 'queued', dueAt: done.state.sendAt };
    return { status: 202, body: messageAnswer(id, first, { ...acceptance, sender: null }), position: done.position, replayed };
  }

  async #accept(acceptance: Acceptance, asking: Asking): Promise<{ id: string; done: Executed<Message>; replayed: boolean }> {
    const { bus, keyring, clock } = this.ports;
    const { id } = idFor(keyring, 'msg', acceptance.owner, 'POST /api/v1/messages', asking.idempotencyKey);
    // what has expired cannot be new: it may be the repeat of what is there, which is read first
    const creates = acceptance.expiresAt === null || acceptance.expiresAt > clock.now().toISOString();
    const done: Executed<Message> = await bus.execute(new AcceptMessage(id, acceptance, { ...contextOf(asking), creates }));
    const replayed = done.events.length === 0;
    if (replayed) await this.#sameRequest(done.state, acceptance.fingerprint);
    else this.ports.accepted(acceptance.shape, 1);
    return { id, done, replayed };
  }

  /** @throws Refusal where the key was used with another request; after erasure nobody can tell any more, and the skeleton stands */
  async #sameRequest(m: Message, request: string): Promise<void> {
    if (m.subject === null) return;
    const key = (await this.ports.keyring.subjects([{ id: m.subject }]))[0]!;
    if (key.key && this.ports.keyring.fingerprint(key, request) !== m.fingerprint) throw new Refusal('idempotency_mismatch');
  }

  acceptBatch(items: readonly unknown[], validate: (item: unknown) => NativeMessageDto, asking: Asking): Promise<Answer> {
    return acceptBatch(this.ports, items, validate, asking);
  }

  async show(id: string, asking: Asking): Promise<Answer> {
    const { store, sealer } = this.ports;
    const found = await this.#find(id, asking.principal);
    await this.#looked(id, found.owner, 'message', asking);
    if ('part' in found) return { status: 200, body: { ...found.part, recent_attempts: [] } };
    const { m, revision } = found;
    const last = await store.read(`message-${id}`, Math.max(1, revision - EVENTS_OF_LAST_ATTEMPTS + 1), EVENTS_OF_LAST_ATTEMPTS);
    const [opened, events] = await Promise.all([this.#open(m), openEvents(sealer, last)]);
    return { status: 200, body: { ...messageAnswer(id, m, opened), recent_attempts: attemptsAnswer(events, ATTEMPTS_SHOWN) } };
  }

  /** The life: every event, in order, opened. */
  async life(id: string, query: PageQuery, asking: Asking): Promise<Answer> {
    const limit = query.limit ?? 100;
    const scope = ['life', id];
    const from = query.after === undefined ? 0 : Number(this.#cursors.read(query.after, scope)[0]);
    const found = await this.#find(id, asking.principal);
    if ('part' in found) return { status: 200, body: { events: [], next: null } };
    await this.#looked(id, found.owner, 'life', asking);
    const events = await openEvents(this.ports.sealer, await this.ports.store.read(`message-${id}`, from, limit));
    const more = from + events.length <= found.revision;
    return {
      status: 200, body: {
        events: events.map((e) => ({ id: e.id, position: e.position, revision: e.revision, type: e.type, version: e.version, at: e.metadata.at, data: e.data, principal: e.metadata.principal, correlation_id: e.metadata.correlationId, causation_id: e.metadata.causationId })),
        next: more && events.length > 0 ? this.#cursors.write([String(from + events.length)], scope) : null,
      },
    };
  }

  /** Whose eyes saw it, but its owner's: every look, in order. */
  async looks(id: string, query: PageQuery, asking: Asking): Promise<Answer> {
    const scope = ['looks', id];
    const from = query.after === undefined ? 0 : Number(this.#cursors.read(query.after, scope)[0]);
    await this.#find(id, asking.principal);
    const limit = query.limit ?? 100;
    const events = await this.ports.store.read(`${look.stream}-${id}`, from, limit);
    return {
      status: 200, body: {
        looks: events.map((e) => e.data as LookEvents['MessageLookedAt']).map(({ by, credential, what, at }) => ({ by, credential, what, at })),
        next: events.length === limit ? this.#cursors.write([String(from + limit)], scope) : null,
      },
    };
  }

  /** What is not one's own is shown once it is written down who looks. */
  async #looked(id: string, owner: string, what: 'message' | 'life', asking: Asking): Promise<void> {
    const { principal } = asking;
    if (principal.owner !== owner) await this.ports.bus.execute(new LookAtMessage(id, { owner, by: principal.owner, credential: principalName(principal), what }, contextOf(asking)));
  }

  async list(query: ListMessagesQuery, asking: Asking): Promise<Answer> {
    const { views, sealer, keyring, seeing } = this.ports;
    const limit = query.limit ?? 50;
    const owner = asking.principal.role === 'admin' ? null : asking.principal.owner;
    const { limit: _limit, after: _after, ...asked } = query;
    const scope = ['list', owner ?? '*', JSON.stringify(Object.entries(asked).sort(([a], [b]) => (a < b ? -1 : 1)))];
    const after = query.after === undefined ? undefined : (this.#cursors.read(query.after, scope) as [string, string]);
    const subject = query.sender === undefined ? undefined : await keyring.find({ kind: 'number', value: query.sender });
    if (subject === null) return { status: 200, body: { messages: [], next: null } };
    await seeing.upTo({ follower: messageLog.name, collection: collectionOf(messageLog) }, principalName(asking.principal), asking.position);
    const iso = (at?: string): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());
    const filter: MessageFilter = { owner, ...defined({ status: query.status, subject, batch: query.batch, from: iso(query.created_from), to: iso(query.created_to) }) };
    const page = await listMessages(views, filter, limit, after);
    const numbers = await sealer.open(page.messages.flatMap(({ row }) => [row.recipient, row.sender]));
    return {
      status: 200, body: {
        messages: page.messages.map(({ id, row }, i) => listedAnswer(id, row, { recipient: numbers[2 * i] ?? null, sender: numbers[2 * i + 1] ?? null })),
        next: page.next ? this.#cursors.write(page.next, scope) : null,
      },
    };
  }

  /** 200 when it is cancelled, 202 when a call is under way that decides. A part of a batch that is not made yet is waited for. */
  async cancel(id: string, asking: Asking): Promise<Answer> {
    const found = await this.#find(id, asking.principal);
    // before it has a stream there is nothing that a worker would ask whether it is cancelled
    if ('part' in found) await partMade(this.ports, id);
    const done: Executed<Message> = await this.ports.bus.execute(new CancelMessage(id, { by: principalName(asking.principal), reason: 'asked' }, contextOf(asking)));
    const cancelled = done.state.status === 'cancelled';
    return { status: cancelled ? 200 : 202, body: { id, status: cancelled ? 'cancelled' : 'cancel_requested' }, position: done.position };
  }

  async #find(id: string, principal: Principal): Promise<{ owner: string; m: Message; revision: number } | { owner: string; part: Record<string, unknown> }> {
    if (!/^[A-Za-z0-9_.-]{1,100}$/.test(id)) throw new Refusal('not_found');
    const sees = (owner: string): true => { if (maySee(principal, owner)) return true; throw new Foreign('message'); };
    const { state, revision } = await this.ports.states.read(message, `message-${id}`);
    if (revision !== NO_STREAM) {
      const m = state as Message;
      sees(m.owner);
      return { owner: m.owner, m, revision };
    }
    let owner = '';
    const part = await queuedPart(this.ports, id, (its) => sees(owner = its));
    if (!part) throw new Refusal('not_found');
    return { owner, part };
  }

  async #open(m: Message): Promise<Opened> {
    const [recipient, sender, body, metadata] = await this.ports.sealer.open([m.recipient, m.sender, m.body, m.metadata]);
    return { recipient: recipient ?? null, sender: sender ?? null, body: body ?? null, metadata: metadata ?? null };
  }
}

/** What acceptance alone decided of a message. */
const accepted = ({ owner, channel, gateway, segments, acceptedAt, sendAt, expiresAt, receipts, batch }: Message): Partial<Message> =>
  ({ owner, channel, gateway, segments, acceptedAt, sendAt, expiresAt, receipts, batch });

const defined = <T extends object>(o: T): { [K in keyof T]?: Exclude<T[K], undefined> } => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as never;
