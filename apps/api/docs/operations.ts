import type { ErrorCode } from '#libs/event-sourcing/error-codes';
import { ListMessagesQuery, NativeMessageDto, PageQuery, S1MessageDto } from '#libs/messaging/message/messages.dto';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import type { DtoClass } from '#libs/platform/validation/schema';
import { ref } from './answers.js';

export interface Answered { description: string; schema?: JsonSchema; type?: string; headers?: readonly HeaderName[]; examples?: Record<string, unknown> }

/** What a handler's code does not say of itself. Who may call it comes from `@Permit`, its path and method from the router's decorators. */
export interface Operation {
  id: string;
  tag: string;
  summary: string;
  description?: string;
  query?: DtoClass;
  body?: { schema: JsonSchema; examples: Record<string, unknown> };
  headers?: readonly RequestHeader[];
  answers: Record<number, Answered>;
  /** beyond those that every route, and every route with a permission, may answer */
  refusals?: readonly ErrorCode[];
}

export type RequestHeader = 'Idempotency-Key' | 'X-Heliograph-Position' | 'traceparent';
export type HeaderName = 'X-Heliograph-Position' | 'Idempotency-Replayed';

/** The bodies that are taken, by the name they have in the document. */
export const BODIES: Record<string, DtoClass> = { S1Message: S1MessageDto, NativeMessage: NativeMessageDto };

/** Every field of a body and of a query, in words; one that is not here ends the making of the document. */
export const FIELDS: Record<string, string> = {
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
const MESSAGE = {
  id: 'msg_PfeWAltfB_KARUpfCknk7ZLNynAheVzq', channel: 'sms', gateway: 'sms', to: '+15550002222', sender: null, body: 'Your order is ready.', erased: false,
  status: 'queued', s1_status: 'Pending', segments: 1, created_at: AT, send_at: AT, expires_at: null, attempts: 0, next_attempt_at: AT,
  cancel_requested: false, sent_at: null, delivered_at: null, ended_at: null, batch: null, metadata: null,
};
const SENT = { ...MESSAGE, status: 'sent', s1_status: 'Delivered', attempts: 1, next_attempt_at: null, sent_at: AT, delivered_at: AT, ended_at: AT };
const { body: _body, erased: _erased, expires_at: _expires, cancel_requested: _cancel, metadata: _metadata, ...listed } = SENT;
const ATTEMPT = { n: 1, started_at: AT, finished_at: AT, outcome: 'sent', problem: null, status_code: 200, duration_ms: 11, retry_at: null, answer: 'ok' };

const WRITTEN: readonly HeaderName[] = ['X-Heliograph-Position'];
const CREATED: readonly HeaderName[] = [...WRITTEN, 'Idempotency-Replayed'];
const json = (name: string, description: string, example: unknown, headers: readonly HeaderName[] = []): Answered => ({ description, schema: ref(name), headers, examples: { answer: example } });

/** By `Controller_handler`. A handler that is not here, or an entry without one, ends the making of the document. */
export const OPERATIONS: Record<string, Operation> = {
  MessagesController_accept: {
    id: 'acceptMessage', tag: 'messages', summary: 'Accept one message',
    description: 'Takes the native body or that of the Message Broker manual (S1), on both listeners. When it is answered the message is on disk, and it is tried until its gateway\'s policy ends. With an `Idempotency-Key` the same request is accepted once, however often it is sent.',
    headers: ['Idempotency-Key', 'traceparent'],
    body: { schema: { oneOf: [ref('NativeMessage'), ref('S1Message')] }, examples: { native, full, s1 } },
    answers: {
      200: json('S1Accepted', 'An S1 body was accepted.', { message_id: 'msg_01a1fe22cab571cc88dac36cb539168a', status: 'queued', created_at: AT }, CREATED),
      202: json('Message', 'A native body was accepted.', MESSAGE, CREATED),
    },
    refusals: ['malformed_json', 'invalid_request', 'invalid_sender_number', 'payload_too_large', 'validation_failed', 'idempotency_mismatch'],
  },
  MessagesController_acceptBatch: {
    id: 'acceptBatch', tag: 'messages', summary: 'Accept 1 to 1,000 messages in one request',
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
          { index: 0, status: 202, message: { ...MESSAGE, id: 'bat_x.0', batch: 'bat_x' } },
          { index: 1, status: 422, problem: { type: 'urn:heliograph:error:validation_failed', title: 'Validation failed', status: 422, detail: 'One or more values are not acceptable; `errors` names each field.', instance: '/api/v1/messages/batch#1', code: 'validation_failed', errors: [{ field: 'to', message: 'to is missing' }] } },
        ],
      }, CREATED),
    },
    refusals: ['malformed_json', 'payload_too_large', 'validation_failed', 'idempotency_mismatch'],
  },
  MessagesController_list: {
    id: 'listMessages', tag: 'messages', summary: 'List messages, newest first',
    description: 'One\'s own; an administrator sees everybody\'s. Whoever has just accepted a message sees it in the list.',
    query: ListMessagesQuery, headers: ['X-Heliograph-Position'],
    answers: { 200: json('MessagePage', 'A page of the list.', { messages: [{ ...listed, problem: null }], next: null }) },
    refusals: ['validation_failed', 'invalid_cursor'],
  },
  MessagesController_show: {
    id: 'showMessage', tag: 'messages', summary: 'Show one message',
    answers: { 200: json('MessageWithAttempts', 'The message as it stands, with its last attempts.', { ...SENT, recent_attempts: [ATTEMPT] }) },
    refusals: ['not_found'],
  },
  MessagesController_life: {
    id: 'messageLife', tag: 'messages', summary: 'The message\'s whole life, from its first event', query: PageQuery,
    answers: {
      200: json('EventPage', 'A page of events, oldest first.', {
        events: [{ id: 'evt_x', position: '0000000000000004', revision: 1, type: 'AttemptStarted', version: 1, at: AT, data: { n: 1, gateway: 'sms', startedAt: AT, from: 'queued', to: 'sending' }, principal: 'system:worker', correlation_id: 'req_x', causation_id: 'evt_w' }],
        next: null,
      }),
    },
    refusals: ['not_found', 'validation_failed', 'invalid_cursor'],
  },
  MessagesController_cancel: {
    id: 'cancelMessage', tag: 'messages', summary: 'Cancel a message that was not sent yet',
    answers: {
      200: json('Cancelled', 'It is cancelled: nothing will be sent.', { id: MESSAGE.id, status: 'cancelled' }, WRITTEN),
      202: json('Cancelled', 'A call is under way, which is not cut: none follows it, and its outcome decides.', { id: MESSAGE.id, status: 'cancel_requested' }, WRITTEN),
    },
    refusals: ['not_found', 'already_final', 'conflict', 'malformed_json', 'payload_too_large'],
  },
  HealthController_health: {
    id: 'health', tag: 'operations', summary: 'The process runs',
    answers: { 200: json('Health', 'It runs. Says nothing else.', { status: 'healthy' }) },
  },
  HealthController_ready: {
    id: 'ready', tag: 'operations', summary: 'It can do its work',
    answers: {
      200: json('Ready', 'Everything works.', { status: 'ready' }),
      503: { description: 'Something does not; `failing` names it.', schema: ref('NotReady'), type: 'application/problem+json', examples: { unavailable: { type: 'urn:heliograph:error:unavailable', title: 'Not available', status: 503, code: 'unavailable', detail: 'Not ready: log.', instance: '/ready', failing: [{ part: 'log', reason: 'it does not answer' }] } } },
    },
  },
  HealthController_prometheus: {
    id: 'metrics', tag: 'operations', summary: 'Metrics, in the Prometheus text format',
    answers: { 200: { description: 'All metrics of this process.', type: 'text/plain', schema: { type: 'string' } } },
  },
  DocsController_page: {
    id: 'docs', tag: 'operations', summary: 'This description as a page',
    answers: { 200: { description: 'One page, without scripts and without anything from elsewhere.', type: 'text/html', schema: { type: 'string' } } },
  },
  DocsController_document: {
    id: 'openapi', tag: 'operations', summary: 'This description as an OpenAPI document',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
  },
};
