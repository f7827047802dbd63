import { message } from '#libs/messaging/message/message.decider';
import { MESSAGE_STATUSES } from '#libs/messaging/message/message.events';
import { ListMessagesQuery, NativeMessageDto, PageQuery, S1MessageDto } from '#libs/messaging/message/messages.dto';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import { count, CREATED, json, list, moment, nullable, object, ref, text, WRITTEN, yes, type Surface } from '../docs/surface.js';

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

const ANSWERS: Surface['answers'] = {
  Message: object(MESSAGE),
  MessageWithAttempts: object({ ...MESSAGE, recent_attempts: { ...list(ref('Attempt')), description: 'the last 20, newest first' } }),
  Attempt: ATTEMPT,
  ListedMessage: object({ ...SHARED, problem: nullable(text('why the last attempt did not succeed, while that matters')) }),
  MessagePage: object({ messages: list(ref('ListedMessage')), next: NEXT }),
  Event: EVENT,
  EventPage: object({ events: list(ref('Event')), next: NEXT }),
  LookPage: object({
    looks: list(object({ by: text('the reader\'s id; `local` for whoever may open the data folder'), credential: text('what he signed in with'), what: { type: 'string', enum: ['message', 'life'], description: 'its text and numbers, or its whole life' }, at: moment('when he was shown it') })),
    next: NEXT,
  }),
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
};

const FIELDS: Surface['fields'] = {
  sender_number: 'S1: the sender\'s number, E.164',
  message_body: 'S1: the text',
  to: 'the recipient, E.164',
  body: 'the text; a character is a code point',
  channel: '`sms` unless told',
  gateway: 'one of the configured gateways of the channel; its first unless told',
  send_at: 'not before this moment; before the year 9000',
  expires_at: 'past it nothing is sent; after `send_at`, in the future, and before the year 9000',
  metadata: 'the caller\'s own, at most 4 kB: given back, never read',
  created_from: 'accepted at this moment or later',
  created_to: 'accepted before this moment',
  status: 'only those that stand there now',
  sender: 'exactly this number, as S1\'s sender or as the recipient',
  batch: 'only the parts of this batch',
  limit: '1 to 200; 50 messages, or 100 events, unless told',
  after: '`next` of the page before, with the same filters',
};

const AT = '2026-03-01T09:30:00.000Z';
const s1 = { sender_number: '+1234567890', message_body: 'Hello, this is a test message' };
const native = { to: '+15550002222', body: 'Your order is ready.' };
const full = { ...native, channel: 'sms', gateway: 'sms', send_at: '2099-03-01T09:30:00Z', expires_at: '2099-03-02T09:30:00Z', metadata: { order: 17 } };
const SAMPLE = {
  id: 'msg_PfeWAltfB_KARUpfCknk7ZLNynAheVzq', channel: 'sms', gateway: 'sms', to: '+15550002222', sender: null, body: 'Your order is ready.', erased: false,
  status: 'queued', s1_status: 'Pending', segments: 1, created_at: AT, send_at: AT, expires_at: null, attempts: 0, next_attempt_at: AT,
  cancel_requested: false, sent_at: null, delivered_at: null, ended_at: null, batch: null, metadata: null,
};
const SENT = { ...SAMPLE, status: 'sent', s1_status: 'Delivered', attempts: 1, next_attempt_at: null, sent_at: AT, delivered_at: AT, ended_at: AT };
const { body: _body, erased: _erased, expires_at: _expires, cancel_requested: _cancel, metadata: _metadata, ...listed } = SENT;
const SAMPLE_ATTEMPT = { n: 1, started_at: AT, finished_at: AT, outcome: 'sent', problem: null, status_code: 200, duration_ms: 11, retry_at: null, answer: 'ok' };

const OPERATIONS: Surface['operations'] = {
  MessagesController_accept: {
    id: 'acceptMessage', summary: 'Accept one message',
    description: 'Takes the native body or that of the Message Broker manual (S1), on both listeners. When it is answered the message is on disk, and it is tried until its gateway\'s policy ends. With an `Idempotency-Key` the same request is accepted once, however often it is sent.',
    headers: ['Idempotency-Key', 'traceparent'],
    body: { schema: { oneOf: [ref('NativeMessage'), ref('S1Message')] }, examples: { native, full, s1 } },
    answers: {
      200: json('S1Accepted', 'An S1 body was accepted.', { message_id: 'msg_01a1fe22cab571cc88dac36cb539168a', status: 'queued', created_at: AT }, CREATED),
      202: json('Message', 'A native body was accepted.', SAMPLE, CREATED),
    },
    refusals: ['malformed_json', 'invalid_request', 'invalid_sender_number', 'payload_too_large', 'validation_failed', 'idempotency_mismatch'],
  },
  MessagesController_acceptBatch: {
    id: 'acceptBatch', summary: 'Accept 1 to 1,000 messages in one request',
    description: 'Each item is a native body and is answered for itself: accepted ones become `{batch}.{index}`, refused ones say what is wrong. Up to 8 MiB.',
    headers: ['Idempotency-Key', 'traceparent'],
    body: {
      schema: { type: 'object', required: ['messages'], additionalProperties: false, properties: { messages: { type: 'array', minItems: 1, maxItems: 1_000, items: ref('NativeMessage') } } },
      examples: { two: { messages: [native, { to: '+15550003333', body: 'Yours too.' }] } },
    },
    answers: {
      207: json('BatchAnswer', 'One result for each item, in the order of the request.', {
        batch: 'bat_x', accepted: 1, refused: 1,
        results: [
          { index: 0, status: 202, message: { ...SAMPLE, id: 'bat_x.0', batch: 'bat_x' } },
          { index: 1, status: 422, problem: { type: 'urn:heliograph:error:validation_failed', title: 'Validation failed', status: 422, detail: 'One or more values are not acceptable; `errors` names each field.', instance: '/api/v1/messages/batch#1', code: 'validation_failed', errors: [{ field: 'to', message: 'to is missing' }] } },
        ],
      }, CREATED),
    },
    refusals: ['malformed_json', 'payload_too_large', 'validation_failed', 'idempotency_mismatch'],
  },
  MessagesController_list: {
    id: 'listMessages', summary: 'List messages, newest first',
    description: 'One\'s own; an administrator sees everybody\'s. Whoever has just accepted a message sees it in the list.',
    query: ListMessagesQuery, headers: ['X-Heliograph-Position'],
    answers: { 200: json('MessagePage', 'A page of the list.', { messages: [{ ...listed, problem: null }], next: null }) },
    refusals: ['validation_failed', 'invalid_cursor'],
  },
  MessagesController_show: {
    id: 'showMessage', summary: 'Show one message',
    answers: { 200: json('MessageWithAttempts', 'The message as it stands, with its last attempts.', { ...SENT, recent_attempts: [SAMPLE_ATTEMPT] }) },
    refusals: ['not_found'],
  },
  MessagesController_life: {
    id: 'messageLife', summary: 'The message\'s whole life, from its first event', query: PageQuery,
    answers: {
      200: json('EventPage', 'A page of events, oldest first.', {
        events: [{ id: 'evt_x', position: '0000000000000004', revision: 1, type: 'AttemptStarted', version: 1, at: AT, data: { n: 1, gateway: 'sms', startedAt: AT, from: 'queued', to: 'sending' }, principal: 'system:worker', correlation_id: 'req_x', causation_id: 'evt_w' }],
        next: null,
      }),
    },
    refusals: ['not_found', 'validation_failed', 'invalid_cursor'],
  },
  MessagesController_looks: {
    id: 'messageLooks', summary: 'Who read the message that is not its owner', query: PageQuery,
    description: 'Before an administrator is shown somebody else\'s message, or its life, that is written down; one who reloads within a minute looks once.',
    answers: { 200: json('LookPage', 'A page of looks, oldest first.', { looks: [{ by: 'usr_01a1fe22cab571cc88dac36cb539168a', credential: 'session:ses_x', what: 'message', at: AT }], next: null }) },
    refusals: ['not_found', 'validation_failed', 'invalid_cursor'],
  },
  MessagesController_cancel: {
    id: 'cancelMessage', summary: 'Cancel a message that was not sent yet',
    description: 'A part of a batch that was only just accepted is made first, which is waited for, 5 s at most; past them it is 503 and nothing is cancelled.',
    answers: {
      200: json('Cancelled', 'It is cancelled: nothing will be sent.', { id: SAMPLE.id, status: 'cancelled' }, WRITTEN),
      202: json('Cancelled', 'A call is under way, which is not cut: none follows it, and its outcome decides.', { id: SAMPLE.id, status: 'cancel_requested' }, WRITTEN),
    },
    refusals: ['not_found', 'already_final', 'conflict', 'malformed_json', 'payload_too_large'],
  },
};

export const messagesSurface: Surface = {
  tag: { name: 'messages', description: 'What is sent, and what became of it' },
  bodies: { S1Message: S1MessageDto, NativeMessage: NativeMessageDto }, fields: FIELDS, answers: ANSWERS, operations: OPERATIONS,
};
