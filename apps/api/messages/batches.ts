import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { Executed } from '#libs/event-sourcing/running/commands';
import { Refusal } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { States } from '#libs/event-sourcing/running/states';
import type { Stored } from '#libs/event-sourcing/sealed';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { AcceptBatch, AddBatchItems, batch, CHUNK, type Batch, type BatchItem } from '#libs/messaging/batch/batch.decider';
import type { BatchEvents, PartTerms } from '#libs/messaging/batch/batch.events';
import { message, type Acceptance, type Message } from '#libs/messaging/message/message.decider';
import type { NativeMessageDto } from '#libs/messaging/message/messages.dto';
import { problemOf } from '#libs/platform/http/problem';
import { acceptNative, canonical, checkExpiry, idFor } from './acceptance.js';
import { messageAnswer } from './message.answer.js';
import { contextOf, type Answer, type Asking, type MessagePorts } from './asking.js';


/** A checked item, or why it was refused. */
type Checked = { index: number; acceptance: Acceptance } | { index: number; refusal: Refusal };

/** Accepts 1 to 1,000 messages in one request: each good one becomes a part, each bad one its problem. */
export async function acceptBatch(ports: MessagePorts, items: readonly unknown[], validate: (item: unknown) => NativeMessageDto, asking: Asking): Promise<Answer> {
  const { bus, keyring, gateways, clock, states } = ports;
  const owner = asking.principal.owner;
  const { id, keyed } = idFor(keyring, 'bat', owner, 'POST /api/v1/messages/batch', asking.idempotencyKey);
  // a repeat is judged as of the first time: what was good then is not refused because it has expired since
  const first = keyed ? ((await states.read(batch, `batch-${id}`)).state as Batch).acceptedAt : '';
  const now = first ? new Date(first) : clock.now();
  const checked = items.map((item, index): Checked => {
    try {
      const acceptance = acceptNative(validate(item), owner, gateways);
      checkExpiry(acceptance, now);
      return { index, acceptance };
    }
    catch (error) { if (error instanceof Refusal) return { index, refusal: error }; throw error; }
  });
  const good = checked.filter((c) => 'acceptance' in c);
  const request = canonical(items);
  const context = contextOf(asking);
  let state: Batch | null = null, position: string | null = null, replayed = false;
  /** what stands in the chunks, whoever put it there: the answer is made of this */
  const held = new Map<number, Record<string, unknown>>();
  // cut by the place in the request, which every repeat has in common: which items are good may differ from one to the next
  const chunks = good.length > 0 || first ? Math.ceil(items.length / CHUNK) : 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const part = good.filter((g) => Math.floor(g.index / CHUNK) === chunk);
    const done: Executed<Batch> = await bus.execute(new AddBatchItems(id, { owner, chunk, fingerprint: request, terms: termsOf(part), items: part.map(itemOf) }, { ...context, creates: chunk === 0 }));
    if (chunk === 0 && done.events.length === 0) {
      replayed = true;
      await sameRequest(ports, done.state, request);
    }
    state = done.state;
    if (done.events.length > 0) for (const { index, acceptance } of part) held.set(index, partAnswer(id, index, acceptance, state.acceptedAt));
    else if (chunk < state.chunks) for (const [index, answer] of await storedParts(ports, id, state, chunk)) held.set(index, answer);
  }
  if (state) {
    const done: Executed<Batch> = await bus.execute(new AcceptBatch(id, { count: held.size }, context));
    position = done.position;
  }
  if (state && !replayed) ports.accepted('batch', held.size);
  const results = checked.map((c) => {
    const message = held.get(c.index);
    if (message) return { index: c.index, status: 202, message };
    const refusal = 'refusal' in c ? c.refusal : new Refusal('validation_failed', REFUSED_AT_FIRST);
    return { index: c.index, status: 422, problem: problemOf(refusal, { instance: `/api/v1/messages/batch#${c.index}`, requestId: asking.requestId }).body };
  });
  return { status: 207, body: { batch: state ? id : null, accepted: held.size, refused: checked.length - held.size, results }, position, replayed };
}

const REFUSED_AT_FIRST = 'This item was refused when the batch was first accepted. Send it again under a new Idempotency-Key.';

async function sameRequest({ keyring }: MessagePorts, state: Batch, request: string): Promise<void> {
  const [key] = await keyring.subjects([{ kind: 'account', value: state.owner }]);
  if (key?.key && keyring.fingerprint(key, request) !== state.fingerprint) throw new Refusal('idempotency_mismatch');
}

const termsOf = (part: readonly { acceptance: Acceptance }[]): Record<string, PartTerms> =>
  Object.fromEntries(part.map(({ acceptance: a }) => [a.gateway, { policy: a.policy, deadlineMs: a.deadlineMs, onUnknown: a.onUnknown, receipts: a.receipts }]));

const itemOf = ({ index, acceptance: a }: { index: number; acceptance: Acceptance }): BatchItem =>
  ({ index, channel: a.channel, gateway: a.gateway, address: a.address!, recipient: a.recipient!, body: a.body, metadata: a.metadata, segments: a.segments, sendAt: a.sendAt, expiresAt: a.expiresAt });

const queued = (batchId: string, item: Pick<BatchItem, 'channel' | 'gateway' | 'segments' | 'sendAt' | 'expiresAt'>, receipts: boolean, acceptedAt: string): Message => {
  const sendAt = item.sendAt && item.sendAt > acceptedAt ? item.sendAt : acceptedAt;
  return { ...message.initial, status: 'queued', channel: item.channel, gateway: item.gateway, segments: item.segments, acceptedAt, sendAt, expiresAt: item.expiresAt, receipts, batch: batchId, dueAt: sendAt };
};

const partAnswer = (batchId: string, index: number, a: Acceptance, acceptedAt: string): Record<string, unknown> =>
  messageAnswer(`${batchId}.${index}`, queued(batchId, a, a.receipts, acceptedAt), { recipient: a.recipient, sender: null, body: a.body, metadata: a.metadata });

/** A part whose stream is not there yet, as it stands in its chunk; null where there is no such part, or not for this reader. */
export async function queuedPart(ports: { states: States; store: EventStore; sealer: Sealer }, id: string, sees: (owner: string) => boolean): Promise<Record<string, unknown> | null> {
  const [, batchId, at] = /^(bat_[A-Za-z0-9_-]+)\.(\d{1,4})$/.exec(id) ?? [];
  if (batchId === undefined) return null;
  const { state, revision } = await ports.states.read(batch, `batch-${batchId}`);
  const b = state as Batch;
  if (revision === NO_STREAM || !b.accepted || !sees(b.owner)) return null;
  for (let chunk = 0; chunk < b.chunks; chunk++) {
    const [found] = await storedParts(ports, batchId, b, chunk, (index) => index === Number(at));
    if (found) return found[1];
  }
  return null;
}

/** Parts are made within moments, on servers that have only just started within 3 s; where it takes so long something does not run, and waiting on would only hold the caller. */
export const MADE_WITHIN_MS = 5_000;
const FIRST_LOOK_MS = 5, MOST_BETWEEN_LOOKS_MS = 160;

/** Waits until a part of an accepted batch has its stream. @throws Refusal unavailable, when it has none within the bound */
export async function partMade({ states, clock }: { states: States; clock: Clock }, id: string): Promise<void> {
  const end = clock.monotonic() + MADE_WITHIN_MS;
  for (let pause = FIRST_LOOK_MS; (await states.read(message, `message-${id}`)).revision === NO_STREAM; pause = Math.min(2 * pause, MOST_BETWEEN_LOOKS_MS)) {
    if (clock.monotonic() >= end) throw new Refusal('unavailable', NOT_MADE_YET, undefined, { retryAfter: 1 });
    await new Promise<void>((resolve) => { clock.after(pause, resolve); });
  }
}

const NOT_MADE_YET = 'This part of a batch is accepted, but not made yet, so nothing was cancelled, and it will be sent. Try again after `Retry-After` seconds; if it stays so, an administrator sees in `/ready` and `/metrics` what does not run.';

/** The parts of a stored chunk, by their place in the request, as they were when they were accepted. */
async function storedParts({ store, sealer }: { store: EventStore; sealer: Sealer }, batchId: string, { acceptedAt }: Batch, chunk: number, wanted: (index: number) => boolean = () => true): Promise<[index: number, answer: Record<string, unknown>][]> {
  const [event] = await store.read(`batch-${batchId}`, chunk, 1); // chunk n is the stream's event n
  const data = event!.data as Stored<BatchEvents['BatchItemsAdded']>;
  const items = data.items.filter((i) => wanted(i.index));
  const opened = await sealer.open(items.flatMap((i) => [i.recipient, i.body, i.metadata]));
  return items.map((item, i) => {
    const [recipient = null, body = null, metadata = null] = opened.slice(3 * i, 3 * i + 3);
    return [item.index, messageAnswer(`${batchId}.${item.index}`, queued(batchId, item, data.terms[item.gateway]!.receipts, acceptedAt), { recipient, sender: null, body, metadata })];
  });
}
