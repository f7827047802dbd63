import type { StoredEvent } from '#libs/event-sourcing/event';
import type { Message } from '#libs/messaging/message/message.decider';
import type { LoggedMessage } from '#projections/message-log/message-log.projection';

/** What is sealed in a message, in the open; null where it was erased. */
export interface Opened { recipient: string | null; sender: string | null; body: string | null; metadata: string | null }

/** What S1 calls a status: a message that is on its way is Pending, one that will get a receipt too. */
export const s1Status = (status: string, receipts: boolean): 'Pending' | 'Delivered' | 'Failed' =>
  status === 'delivered' || (status === 'sent' && !receipts) ? 'Delivered'
    : status === 'queued' || status === 'sending' || status === 'retrying' || status === 'sent' ? 'Pending' : 'Failed';

/** A message as the API answers it. Times are UTC; what was erased is null and `erased` is true. */
export function messageAnswer(id: string, m: Message, opened: Opened): Record<string, unknown> {
  return {
    id, channel: m.channel, gateway: m.gateway, to: opened.recipient, sender: opened.sender, body: opened.body, erased: opened.body === null,
    status: m.status, s1_status: s1Status(m.status, m.receipts), segments: m.segments, created_at: m.acceptedAt, send_at: m.sendAt, expires_at: m.expiresAt,
    attempts: m.attempts, next_attempt_at: m.dueAt, cancel_requested: m.cancelRequested !== null, sent_at: m.sentAt, delivered_at: m.receipts ? null : m.sentAt, ended_at: m.endedAt,
    batch: m.batch, metadata: opened.metadata === null ? null : (JSON.parse(opened.metadata) as unknown),
  };
}

/** A row of the list. */
export function listedAnswer(id: string, row: LoggedMessage, numbers: { recipient: string | null; sender: string | null }): Record<string, unknown> {
  return {
    id, channel: row.channel, gateway: row.gateway, to: numbers.recipient, sender: numbers.sender, status: row.status, s1_status: s1Status(row.status, row.receipts),
    segments: row.segments, created_at: row.acceptedAt, send_at: row.sendAt, attempts: row.attempts, next_attempt_at: row.nextAttemptAt, problem: row.problem,
    sent_at: row.sentAt, delivered_at: row.receipts ? null : row.sentAt, ended_at: row.endedAt, batch: row.batch,
  };
}

export interface AttemptAnswer { n: number; started_at: string | null; finished_at: string | null; outcome: string; problem: string | null; status_code: number | null; duration_ms: number | null; retry_at: string | null; answer: string | null }

const OUTCOMES: Record<string, string> = { AttemptSent: 'sent', AttemptFailed: 'failed', AttemptUnknown: 'unknown', AttemptNotMade: 'not_made' };

/** The last attempts, newest first, from the stream's last events whose sealed answers were opened. */
export function attemptsAnswer(events: readonly StoredEvent[], most: number): AttemptAnswer[] {
  const attempts = new Map<number, AttemptAnswer>();
  for (const { type, data } of events) {
    const e = data as { n?: number; startedAt?: string; finishedAt?: string; problem?: string; status?: number | null; durationMs?: number; retryAt?: string | null; answer?: string | null };
    if (e.n === undefined) continue;
    const known = attempts.get(e.n) ?? { n: e.n, started_at: null, finished_at: null, outcome: 'under_way', problem: null, status_code: null, duration_ms: null, retry_at: null, answer: null };
    attempts.set(e.n, type === 'AttemptStarted' ? { ...known, started_at: e.startedAt ?? null }
      : { ...known, finished_at: e.finishedAt ?? null, outcome: OUTCOMES[type] ?? type, problem: e.problem ?? null, status_code: e.status ?? null, duration_ms: e.durationMs ?? null, retry_at: e.retryAt ?? null, answer: e.answer ?? null });
  }
  return [...attempts.values()].sort((a, b) => b.n - a.n).slice(0, most);
}
