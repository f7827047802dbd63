import { ERRORS, type ErrorCode } from '#libs/event-sourcing/error-codes';
import { message } from '#libs/messaging/message/message.decider';
import { MESSAGE_STATUSES } from '#libs/messaging/message/message.events';
import type { JsonSchema } from '#libs/platform/validation/decorators';

/** What the API answers, as JSON Schemas: every field, always there. A test holds real answers against them. */
const object = (properties: Record<string, JsonSchema>, optional: readonly string[] = []): JsonSchema =>
  ({ type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties });
const nullable = (schema: JsonSchema): JsonSchema => ({ ...schema, type: [schema.type as string, 'null'] });
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const text = (description: string): JsonSchema => ({ type: 'string', description });
const count = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description });
const moment = (description: string): JsonSchema => ({ type: 'string', format: 'date-time', description: `${description} (UTC)` });
const yes = (description: string): JsonSchema => ({ type: 'boolean', description });

const ID = text('Opaque. `msg_…`; a part of a batch is `bat_….{index}`.');
const STATUS: JsonSchema = { type: 'string', enum: [...MESSAGE_STATUSES], description: '`queued`, `sending`, `retrying`: still on its way. `unknown`: nobody knows whether the gateway carried it out, and a person decides. The rest are ends, but for `sent` where a receipt may follow.' };
const S1_STATUS: JsonSchema = { type: 'string', enum: ['Pending', 'Delivered', 'Failed'], description: 'The status as the Message Broker manual names it.' };
const NEXT = nullable(text('Give it as `after` to get the next page; null on the last.'));

/** In a row of the list and in a whole message. */
const SHARED = {
  id: ID,
  channel: text('`sms` or `http`'),
  gateway: text('the gateway that it goes through'),
  to: nullable(text('the recipient, E.164; null where there is none, or it was erased')),
  sender: nullable(text('S1\'s sender number; null elsewhere, or where it was erased')),
  status: STATUS,
  s1_status: S1_STATUS,
  segments: nullable(count('SMS segments; null where the channel counts none')),
  created_at: moment('when it was accepted'),
  send_at: moment('when it is first due'),
  attempts: count('attempts begun so far'),
  next_attempt_at: nullable(moment('when it is tried next; null when no attempt is planned')),
  sent_at: nullable(moment('when the gateway took it')),
  delivered_at: nullable(moment('when it was delivered, as far as the gateway says')),
  ended_at: nullable(moment('when it came to its end')),
  batch: nullable(text('the batch that it is a part of')),
} satisfies Record<string, JsonSchema>;

const MESSAGE = {
  ...SHARED,
  body: nullable(text('the text; null once erased')),
  erased: yes('its content was erased; what happened to it stays'),
  expires_at: nullable(moment('past it nothing is sent')),
  cancel_requested: yes('no further attempt follows; the one under way decides'),
  metadata: { type: ['object', 'null'], description: 'the caller\'s own, as given' },
} satisfies Record<string, JsonSchema>;

const ATTEMPT = object({
  n: { type: 'integer', minimum: 1, description: 'its number; the gateway is given `{message id}/{n}` as Idempotency-Key' },
  started_at: nullable(moment('when it began')),
  finished_at: nullable(moment('when its outcome was recorded')),
  outcome: { type: 'string', enum: ['under_way', 'sent', 'failed', 'unknown', 'not_made'] },
  problem: nullable(text('why it did not succeed')),
  status_code: nullable(count('the gateway\'s HTTP status')),
  duration_ms: nullable(count('how long the call took')),
  retry_at: nullable(moment('when the next was planned for')),
  answer: nullable(text('up to 2 KiB of what the gateway said')),
});

const EVENT = object({
  id: text('the event\'s id'),
  position: text('where it stands in the log; opaque'),
  revision: count('its place in the life of the message'),
  type: { type: 'string', enum: Object.keys(message.evolve) },
  version: { type: 'integer', minimum: 1 },
  at: moment('when it was decided'),
  data: { type: 'object', description: 'what happened; what was erased is null' },
  principal: text('who asked for it: a credential, or `system:…`'),
  correlation_id: text('the same in everything that one request caused'),
  causation_id: text('the event or request that caused this one'),
});

/** Extra members may stand beside these (RFC 9457). */
const PROBLEM: JsonSchema = object({
  type: text('`urn:heliograph:error:{code}`'),
  title: text('the kind of problem'),
  status: { type: 'integer', minimum: 400, maximum: 599 },
  detail: text('what to do about it'),
  instance: text('the path that was asked for'),
  code: { type: 'string', enum: Object.keys(ERRORS) },
  errors: list(object({ field: text('which value'), message: text('what is wrong with it') })),
  reason: text('with invalid_certificate: why it is not accepted'),
}, ['errors', 'reason']);

const FAILING = object({ part: text('what cannot do its work'), reason: text('why') });

export const ANSWERS: Record<string, JsonSchema> = {
  Message: object(MESSAGE),
  MessageWithAttempts: object({ ...MESSAGE, recent_attempts: { ...list(ref('Attempt')), description: 'the last 20, newest first' } }),
  Attempt: ATTEMPT,
  ListedMessage: object({ ...SHARED, problem: nullable(text('why the last attempt did not succeed, while that matters')) }),
  MessagePage: object({ messages: list(ref('ListedMessage')), next: NEXT }),
  Event: EVENT,
  EventPage: object({ events: list(ref('Event')), next: NEXT }),
  S1Accepted: object({ message_id: ID, status: { type: 'string', const: 'queued' }, created_at: moment('when it was accepted') }),
  Cancelled: object({ id: ID, status: { type: 'string', enum: ['cancelled', 'cancel_requested'] } }),
  BatchAnswer: object({
    batch: nullable(text('`bat_…`; null when no item was accepted')),
    accepted: count('items that were accepted'),
    refused: count('items that were not'),
    results: list({
      oneOf: [
        object({ index: count('its place in the request'), status: { type: 'integer', const: 202 }, message: ref('Message') }),
        object({ index: count('its place in the request'), status: { type: 'integer', const: 422 }, problem: ref('Problem') }),
      ],
    }),
  }),
  Problem: PROBLEM,
  NotReady: { ...PROBLEM, required: [...(PROBLEM['required'] as string[]), 'failing'], properties: { ...(PROBLEM['properties'] as object), failing: list(FAILING) } },
  Health: object({ status: { type: 'string', const: 'healthy' } }),
  Ready: object({ status: { type: 'string', const: 'ready' } }),
};

/** One problem as an example: the sentence of the catalogue. */
export const problemExample = (code: ErrorCode): Record<string, unknown> => {
  const [status, title, detail] = ERRORS[code];
  const errors: Partial<Record<ErrorCode, { field: string; message: string }[]>> = {
    invalid_sender_number: [{ field: 'sender_number', message: 'sender_number must be a phone number in the E.164 form: a plus sign, country code and number, digits only, such as +1234567890' }],
    validation_failed: [{ field: 'to', message: 'to is missing' }],
  };
  return { type: `urn:heliograph:error:${code}`, title, status, detail, instance: '/api/v1/messages', code, ...(errors[code] ? { errors: errors[code] } : {}) };
};
