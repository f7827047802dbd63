import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { EventOf } from '#libs/event-sourcing/event';
import { subjectOf, type Plain, type Sealed, type Subject } from '#libs/event-sourcing/sealed';
import { subjectOfMessage, type MessageEvents, type MessageStatus } from './message.events.js';
import { retryDelayMs, type RetryPolicy } from './retry-policy.js';

type Accepted = Plain<MessageEvents['MessageAccepted']>;
/** What a call came to, as the worker reports it. */
export type AttemptResult =
  | { outcome: 'sent'; status: number | null; providerRef: string | null; answer: string | null }
  | { outcome: 'failed'; temporary: boolean; problem: string; status: number | null; answer: string | null; retryAfterMs?: number }
  | { outcome: 'unknown'; problem: string; status: number | null; answer: string | null };

/** What is wrong with an expiry that leaves no time to send. */
export const EXPIRED = { field: 'expires_at', message: 'must lie after send_at and in the future' };

/** `fingerprint` holds the canonical request in the open; it is stored as an HMAC. `acceptedAt` null: now. `sendAt` null: at once. */
export type Acceptance = Omit<Accepted, 'acceptedAt' | 'sendAt' | 'to'> & { acceptedAt: string | null; sendAt: string | null };

export class AcceptMessage extends StreamCommand<Acceptance> {}
/** The claim of attempt `n`; refused for whoever comes second. Give it `exclusive`. */
export class StartAttempt extends StreamCommand<{ n: number }> {}
export class RecordOutcome extends StreamCommand<{ n: number; result: AttemptResult; durationMs: number }> {}
/** The call of attempt `n` did not begin within its time. */
export class RecordNotMade extends StreamCommand<{ n: number; reason: string }> {}
/** Attempt `n` is overdue: nobody will report on it in time any more. */
export class SettleAttempt extends StreamCommand<{ n: number }> {}
export class CancelMessage extends StreamCommand<{ by: string; reason: 'asked' | 'erased' }> {}

export interface Message {
  status: MessageStatus | 'new';
  owner: string;
  channel: string;
  gateway: string;
  recipient: Sealed<string> | null;
  sender: Sealed<string> | null;
  body: Sealed<string> | null;
  metadata: Sealed<string> | null;
  segments: number | null;
  /** whose data the message holds; null when that person was already forgotten */
  subject: string | null;
  fingerprint: string;
  /** of the request that made it, so that all that follows stands in one trace */
  correlationId: string;
  traceparent: string | null;
  shape: 'native' | 's1';
  acceptedAt: string;
  sendAt: string;
  expiresAt: string | null;
  policy: RetryPolicy;
  /** past this moment nothing is attempted any more: its own expiry, or the end of the policy's span */
  endsAt: string;
  deadlineMs: number;
  onUnknown: 'retry' | 'hold';
  receipts: boolean;
  batch: string | null;
  /** attempts begun, ever: numbers go on */
  attempts: number;
  /** of these, used up under the policy: an attempt that was not made does not count */
  used: number;
  /** `dueAt`: when it was due, which a constant interval counts from; `settlesAt`: when it is given up, if nobody reports */
  running: { n: number; startedAt: string; dueAt: string; settlesAt: string } | null;
  /** the latest attempts of which nobody knows the outcome: only on these is a late word taken (bounded) */
  open: number[];
  dueAt: string | null;
  /** who asked for no further attempt while one was under way, and why */
  cancelRequested: { by: string; reason: 'asked' | 'erased' } | null;
  sentAt: string | null;
  /** when it came to its end, sent or not */
  endedAt: string | null;
}

const OPEN_KEPT = 16;
/** After so long beyond its deadline an attempt is settled as unknown. */
export const SETTLE_AFTER_MS = 10_000;
const FINAL: ReadonlySet<string> = new Set<MessageStatus>(['sent', 'delivered', 'failed', 'dead', 'expired', 'cancelled']);

const plus = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString();
/** Its own expiry, or the end of the policy's span, which counts from when it was first due. */
const endsAt = (m: Pick<Message, 'sendAt' | 'policy' | 'expiresAt'>): string => {
  const span = plus(m.sendAt, m.policy.spanMs);
  return m.expiresAt && m.expiresAt < span ? m.expiresAt : span;
};

type Decided = EventOf<MessageEvents, 'plain'>;
/** Where a message goes after an attempt that did not succeed, and what is decided beside it. */
interface After { retryAt: string | null; to: MessageStatus; then: Decided[] }

function after(m: Message, id: string, n: number, now: string, retryable: boolean, retryAfterMs = 0): After {
  if (m.status !== 'sending') return { retryAt: null, to: m.status as MessageStatus, then: [] };
  if (m.cancelRequested) return { retryAt: null, to: 'retrying', then: [{ type: 'MessageCancelled', data: { at: now, ...m.cancelRequested, from: 'retrying', to: 'cancelled' } }] };
  if (!retryable) return { retryAt: null, to: 'failed', then: [] };
  return again(m, id, n, now, retryAfterMs);
}

function again(m: Message, id: string, n: number, now: string, retryAfterMs = 0): After {
  if (m.used >= m.policy.attempts) return { retryAt: null, to: 'retrying', then: [{ type: 'MessageDead', data: { reason: 'attempts', at: now, from: 'retrying', to: 'dead' } }] };
  // "every 30 s" counts from when the attempt was due, whatever the call took; any other delay from now
  const from = m.policy.kind === 'constant' && m.running?.n === n ? m.running.dueAt : now;
  const planned = plus(from, retryDelayMs(m.policy, m.used, `${id}/${n}`)), allowed = plus(now, retryAfterMs);
  return { retryAt: planned > allowed ? planned : allowed, to: 'retrying', then: [] };
}

/** The end that time has brought, if any. */
function overdue(m: Message, now: string): Decided[] {
  const from = m.status as MessageStatus;
  if (m.expiresAt && m.expiresAt <= now) return [{ type: 'MessageExpired', data: { at: now, from, to: 'expired' } }];
  if (m.endsAt <= now) return [{ type: 'MessageDead', data: { reason: 'span', at: now, from, to: 'dead' } }];
  return [];
}

function unknown(m: Message, id: string, n: number, problem: string, status: number | null, answer: string | null, now: string): Decided[] {
  const held = m.onUnknown === 'hold' && m.status === 'sending' && !m.cancelRequested;
  const { retryAt, to, then } = held ? { retryAt: null, to: 'unknown' as const, then: [] } : after(m, id, n, now, true);
  return [{ type: 'AttemptUnknown', data: { n, gateway: m.gateway, problem, status, answer, retryAt, finishedAt: now, from: m.status as MessageStatus, to } }, ...then];
}

/** A word on an attempt that was given up as unknown: moves the message only forward. */
function late(m: Message, id: string, n: number, result: AttemptResult, durationMs: number, now: string): Decided[] {
  const from = m.status as MessageStatus;
  const base = { n, gateway: m.gateway, finishedAt: now, durationMs, late: true, from };
  if (result.outcome === 'unknown') return [];
  if (result.outcome === 'sent') {
    const { status, providerRef, answer } = result;
    return [{ type: 'AttemptSent', data: { ...base, status, providerRef, answer, to: FINAL.has(from) ? from : 'sent' } }];
  }
  const { problem, status, answer, temporary } = result;
  const next: After = from === 'unknown' && temporary ? again(m, id, n, now)
    : (from === 'unknown' || from === 'retrying') && !temporary ? { retryAt: null, to: 'failed', then: [] }
    : { retryAt: m.dueAt, to: from, then: [] };
  return [{ type: 'AttemptFailed', data: { ...base, problem, status, answer, temporary, retryAt: next.retryAt, to: next.to } }, ...next.then];
}

/** A message's data belongs to its recipient; where there is none (S1) to its sender, who is a number. */
const whose = (data: Pick<Accepted, 'address' | 'recipient' | 'sender'>): Subject => ({ kind: data.address ?? 'number', value: (data.recipient ?? data.sender)! });
const subject = (m: Message): Subject => ({ id: m.subject ?? 'none' });
const ended = (m: Message, to: MessageStatus, at: string): Pick<Message, 'status' | 'endedAt'> => ({ status: to, endedAt: FINAL.has(to) ? (m.endedAt ?? at) : null });
const dayOf = (m: { acceptedAt: string; sendAt: string }): string => (m.sendAt > m.acceptedAt ? m.sendAt : m.acceptedAt).slice(0, 10);

export const message = decider<Message, MessageEvents>()({
  stream: 'message',
  snapshotVersion: 1,
  commands: { AcceptMessage, StartAttempt, RecordOutcome, RecordNotMade, SettleAttempt, CancelMessage },
  initial: {
    status: 'new', owner: '', channel: '', gateway: '', recipient: null, sender: null, body: null, metadata: null, segments: null, subject: null,
    fingerprint: '', correlationId: '', traceparent: null, shape: 'native', acceptedAt: '', sendAt: '', expiresAt: null, policy: { kind: 'constant', everyMs: 0, attempts: 1, spanMs: 0, jitter: 0 }, endsAt: '',
    deadlineMs: 0, onUnknown: 'hold', receipts: false, batch: null, attempts: 0, used: 0, running: null, open: [], dueAt: null,
    cancelRequested: null, sentAt: null, endedAt: null,
  },
  decide: {
    AcceptMessage: (m, data, now) => {
      if (m.status !== 'new') return [];
      const acceptedAt = data.acceptedAt ?? now;
      const sendAt = data.sendAt && data.sendAt > acceptedAt ? data.sendAt : acceptedAt;
      // decided here, so that the repeat of a request is the same answer also after its message has expired; a part was checked with its batch
      if (data.acceptedAt === null && data.expiresAt && data.expiresAt <= sendAt) throw new Refusal('validation_failed', undefined, [EXPIRED]);
      return [{ type: 'MessageAccepted', data: { ...data, acceptedAt, sendAt, to: 'queued' } }];
    },

    StartAttempt: (m, { n }, now) => {
      if ((m.status !== 'queued' && m.status !== 'retrying') || m.running || n !== m.attempts + 1) throw new Refusal('conflict', `attempt ${n} is not the next one`);
      const over = overdue(m, now);
      return over.length > 0 ? over : [{ type: 'AttemptStarted', data: { n, gateway: m.gateway, startedAt: now, from: m.status, to: 'sending' } }];
    },

    RecordOutcome: (m, { n, result, durationMs }, now, id) => {
      if (m.running?.n !== n) return m.open.includes(n) ? late(m, id, n, result, durationMs, now) : [];
      const from = m.status as MessageStatus;
      const { status, answer } = result;
      const base = { n, gateway: m.gateway, status, answer, finishedAt: now, durationMs, late: false, from };
      switch (result.outcome) {
        case 'sent': return [{ type: 'AttemptSent', data: { ...base, status: result.status, providerRef: result.providerRef, to: from === 'sending' ? 'sent' : from } }];
        case 'unknown': return unknown(m, id, n, result.problem, status, answer, now);
        case 'failed': {
          const { retryAt, to, then } = after(m, id, n, now, result.temporary, result.retryAfterMs);
          return [{ type: 'AttemptFailed', data: { ...base, problem: result.problem, temporary: result.temporary, retryAt, to } }, ...then];
        }
      }
    },

    RecordNotMade: (m, { n, reason }, now, id) => {
      if (m.running?.n !== n) return [];
      const { to, then } = m.cancelRequested ? after(m, id, n, now, true) : { to: m.status === 'sending' ? 'retrying' as const : m.status as MessageStatus, then: [] };
      return [{ type: 'AttemptNotMade', data: { n, gateway: m.gateway, reason, retryAt: now, finishedAt: now, from: m.status as MessageStatus, to } }, ...then];
    },

    SettleAttempt: (m, { n }, now, id) =>
      m.running?.n === n && m.running.settlesAt <= now ? unknown(m, id, n, 'lost', null, null, now) : [],

    CancelMessage: (m, { by, reason }, now) => {
      if (m.status === 'new') throw new Refusal('not_found');
      if (m.status === 'cancelled') return [];
      if (FINAL.has(m.status)) throw new Refusal('already_final', `The message is already ${m.status}; it can no longer be cancelled.`);
      if (m.status === 'sending') return m.cancelRequested ? [] : [{ type: 'CancelRequested', data: { at: now, by, reason } }];
      return [{ type: 'MessageCancelled', data: { at: now, reason, by, from: m.status as MessageStatus, to: 'cancelled' } }];
    },
  },
  seal: {
    MessageAccepted: (data, by) => ({
      ...data,
      recipient: data.recipient === null ? null : by.seal('recipient', data.recipient, whose(data)),
      sender: data.sender === null ? null : by.seal('sender', data.sender, { kind: 'number', value: data.sender }),
      body: by.seal('body', data.body, whose(data)),
      metadata: by.seal('metadata', data.metadata, whose(data)),
      fingerprint: by.fingerprint(data.fingerprint, whose(data)),
    }),
    AttemptSent: (data, by, m) => ({ ...data, answer: by.seal('answer', data.answer, subject(m)) }),
    AttemptFailed: (data, by, m) => ({ ...data, answer: by.seal('answer', data.answer, subject(m)) }),
    AttemptUnknown: (data, by, m) => ({ ...data, answer: by.seal('answer', data.answer, subject(m)) }),
  },
  period: (m, e) => { const of = e.type === 'MessageAccepted' ? e.data : m; return { category: `messages.${of.channel}`, day: dayOf(of) }; },
  evolve: {
    MessageAccepted: (m, e, { metadata }) => ({
      ...m, correlationId: metadata.correlationId, traceparent: metadata.traceparent ?? null, status: 'queued', owner: e.owner, channel: e.channel, gateway: e.gateway, recipient: e.recipient, sender: e.sender, body: e.body, metadata: e.metadata,
      segments: e.segments, subject: subjectOfMessage(e), fingerprint: e.fingerprint, shape: e.shape, acceptedAt: e.acceptedAt, sendAt: e.sendAt,
      expiresAt: e.expiresAt, policy: e.policy, endsAt: endsAt(e), deadlineMs: e.deadlineMs, onUnknown: e.onUnknown, receipts: e.receipts, batch: e.batch, dueAt: e.sendAt,
    }),
    AttemptStarted: (m, e) => ({ ...m, status: 'sending', attempts: e.n, used: m.used + 1, running: { n: e.n, startedAt: e.startedAt, dueAt: m.dueAt ?? e.startedAt, settlesAt: plus(e.startedAt, m.deadlineMs + SETTLE_AFTER_MS) }, dueAt: null }),
    AttemptSent: (m, e) => ({ ...m, ...ended(m, e.to, e.finishedAt), ...settled(m, e.n), sentAt: m.sentAt ?? e.finishedAt, dueAt: null }),
    AttemptFailed: (m, e) => ({ ...m, ...ended(m, e.to, e.finishedAt), ...settled(m, e.n), dueAt: e.retryAt }),
    AttemptUnknown: (m, e) => ({ ...m, ...ended(m, e.to, e.finishedAt), ...settled(m, e.n), open: [...m.open, e.n].slice(-OPEN_KEPT), dueAt: e.retryAt }),
    AttemptNotMade: (m, e) => ({ ...m, ...ended(m, e.to, e.finishedAt), ...settled(m, e.n), used: m.used - 1, dueAt: FINAL.has(e.to) ? null : e.retryAt }),
    MessageDead: (m, e) => ({ ...m, ...ended(m, 'dead', e.at), dueAt: null }),
    MessageExpired: (m, e) => ({ ...m, ...ended(m, 'expired', e.at), dueAt: null }),
    CancelRequested: (m, { by, reason }) => ({ ...m, cancelRequested: { by, reason } }),
    MessageCancelled: (m, e) => ({ ...m, ...ended(m, 'cancelled', e.at), dueAt: null }),
  },
  tags: (m) => ({ owner: m.owner, ...(m.batch ? { parent: m.batch } : {}), ...subjectsOf(m), acceptedAt: m.acceptedAt }),
});

/** Everybody whose data the message holds: found by this tag when somebody is to be forgotten. */
function subjectsOf(m: Message): { subjects?: string[] } {
  const subjects = [...new Set([m.recipient, m.sender, m.body].flatMap((v) => (v ? subjectOf(v) ?? [] : [])))];
  return subjects.length > 0 ? { subjects } : {};
}

/** The attempt is no longer under way nor open; another one may be. */
function settled(m: Message, n: number): Pick<Message, 'running' | 'open'> {
  return { running: m.running?.n === n ? null : m.running, open: m.open.includes(n) ? m.open.filter((o) => o !== n) : m.open };
}
