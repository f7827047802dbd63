import type { CommandContext } from '#libs/event-sourcing/decider';
import type { EventOf } from '#libs/event-sourcing/event';
import { KIND_DEFAULTS } from '../gateways/default-gateways.js';
import { AcceptMessage, CancelMessage, RecordNotMade, RecordOutcome, SettleAttempt, StartAttempt, type Acceptance, type AttemptResult } from '../message/message.decider.js';
import type { MessageEvents } from '../message/message.events.js';

/** Events and commands of a message, told in seconds since its acceptance: for specs. */

export type MessageEvent = EventOf<MessageEvents, 'plain'>;
type Data<T extends keyof MessageEvents> = Extract<MessageEvent, { type: T }>['data'];
export const S1_POLICY = KIND_DEFAULTS.http.retry;
export const S3_POLICY = KIND_DEFAULTS['sms-http'].retry;

const START = Date.parse('2030-01-01T00:00:00.000Z');
/** So many seconds after the message was accepted, UTC. */
export const at = (seconds: number): string => new Date(START + Math.round(seconds * 1000)).toISOString();

export const acceptance = (over: Partial<Acceptance> = {}): Acceptance => ({
  owner: 'o1', channel: 'sms', gateway: 'sms', address: 'number', recipient: '+15551234567', sender: null, body: 'hello', segments: 1, fingerprint: 'the request', shape: 'native',
  acceptedAt: null, sendAt: null, expiresAt: null, policy: S3_POLICY, deadlineMs: 30_000, onUnknown: 'retry', receipts: false, metadata: null, batch: null, ...over,
});

export const accepted = (over: Partial<Data<'MessageAccepted'>> = {}): MessageEvent =>
  ({ type: 'MessageAccepted', data: { ...acceptance(), acceptedAt: at(0), sendAt: at(0), to: 'queued', ...over } });
export const started = (n: number, seconds: number, over: Partial<Data<'AttemptStarted'>> = {}): MessageEvent =>
  ({ type: 'AttemptStarted', data: { n, gateway: 'sms', startedAt: at(seconds), from: n === 1 ? 'queued' : 'retrying', to: 'sending', ...over } });
export const sent = (n: number, seconds: number, over: Partial<Data<'AttemptSent'>> = {}): MessageEvent =>
  ({ type: 'AttemptSent', data: { n, gateway: 'sms', status: 200, answer: 'OK sms-1', finishedAt: at(seconds), durationMs: 12, late: false, from: 'sending', providerRef: 'sms-1', to: 'sent', ...over } });
export const failed = (n: number, seconds: number, retryAt: string | null, over: Partial<Data<'AttemptFailed'>> = {}): MessageEvent =>
  ({ type: 'AttemptFailed', data: { n, gateway: 'sms', status: null, answer: null, finishedAt: at(seconds), durationMs: 12, late: false, from: 'sending', problem: 'connect', temporary: true, retryAt, to: 'retrying', ...over } });
export const unknown = (n: number, seconds: number, retryAt: string | null, over: Partial<Data<'AttemptUnknown'>> = {}): MessageEvent =>
  ({ type: 'AttemptUnknown', data: { n, gateway: 'sms', problem: 'timeout', status: null, answer: null, retryAt, finishedAt: at(seconds), from: 'sending', to: 'retrying', ...over } });
export const notMade = (n: number, seconds: number, over: Partial<Data<'AttemptNotMade'>> = {}): MessageEvent =>
  ({ type: 'AttemptNotMade', data: { n, gateway: 'sms', reason: 'late', retryAt: at(seconds), finishedAt: at(seconds), from: 'sending', to: 'retrying', ...over } });
export const dead = (reason: 'attempts' | 'span', seconds: number, from: Data<'MessageDead'>['from'] = 'retrying'): MessageEvent =>
  ({ type: 'MessageDead', data: { reason, at: at(seconds), from, to: 'dead' } });
export const cancelAsked = (seconds: number, by = 'o1', reason: 'asked' | 'erased' = 'asked'): MessageEvent => ({ type: 'CancelRequested', data: { at: at(seconds), by, reason } });
export const cancelled = (seconds: number, from: Data<'MessageCancelled'>['from'], by = 'o1', reason: 'asked' | 'erased' = 'asked'): MessageEvent =>
  ({ type: 'MessageCancelled', data: { at: at(seconds), reason, by, from, to: 'cancelled' } });

export const context: CommandContext = { principal: 'p', correlationId: 'c', causationId: 'c' };
export const accept = (over: Partial<Acceptance> = {}, id = '1'): AcceptMessage => new AcceptMessage(id, acceptance(over), context);
export const start = (n: number, id = '1'): StartAttempt => new StartAttempt(id, { n }, context);
export const record = (n: number, result: AttemptResult, id = '1'): RecordOutcome => new RecordOutcome(id, { n, result, durationMs: 12 }, context);
export const recordNotMade = (n: number, id = '1'): RecordNotMade => new RecordNotMade(id, { n, reason: 'late' }, context);
export const settle = (n: number, id = '1'): SettleAttempt => new SettleAttempt(id, { n }, context);
export const cancel = (by = 'o1', reason: 'asked' | 'erased' = 'asked', id = '1'): CancelMessage => new CancelMessage(id, { by, reason }, context);

export const YES = { outcome: 'sent', status: 200, providerRef: 'sms-1', answer: 'OK sms-1' } as const satisfies AttemptResult;
/** Not reached. */
export const TEMPORARY = { outcome: 'failed', temporary: true, problem: 'connect', status: null, answer: null } as const satisfies AttemptResult;
/** The gateway's no. */
export const NO = { outcome: 'failed', temporary: false, problem: 'rejected', status: 200, answer: 'ERR' } as const satisfies AttemptResult;
export const UNKNOWN = { outcome: 'unknown', problem: 'timeout', status: null, answer: null } as const satisfies AttemptResult;
