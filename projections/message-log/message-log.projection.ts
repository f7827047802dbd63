import { projection } from '#libs/event-sourcing/projection';
import type { Sealed } from '#libs/event-sourcing/sealed';
import { subjectOfMessage, type MessageEvents, type MessageStatus } from '#libs/messaging/message/message.events';

/** One row per message: what lists show. Numbers stay sealed; the subject's random id is what is searched for. */
export type LoggedMessage = {
  owner: string;
  status: MessageStatus;
  channel: string;
  gateway: string;
  shape: 'native' | 's1';
  recipient: Sealed<string> | null;
  sender: Sealed<string> | null;
  subject: string | null;
  acceptedAt: string;
  sendAt: string;
  attempts: number;
  nextAttemptAt: string | null;
  problem: string | null;
  sentAt: string | null;
  endedAt: string | null;
  receipts: boolean;
  segments: number | null;
  batch: string | null;
};

const idOf = (stream: string): string => stream.slice('message-'.length);
const FINAL: ReadonlySet<string> = new Set<MessageStatus>(['sent', 'delivered', 'failed', 'dead', 'expired', 'cancelled']);
const moved = (row: LoggedMessage, to: MessageStatus, at: string): LoggedMessage => ({ ...row, status: to, endedAt: FINAL.has(to) ? (row.endedAt ?? at) : null });

export const messageLog = projection<MessageEvents, LoggedMessage>({
  name: 'message-log',
  version: 1,
  follows: ['message'],
  rowPerStream: true,
  indexes: {
    byOwner: ['owner', 'acceptedAt'],
    byOwnerStatus: ['owner', 'status', 'acceptedAt'],
    byTime: ['acceptedAt'],
    byStatus: ['status', 'acceptedAt'],
    bySubject: ['subject', 'acceptedAt'],
    byBatch: ['batch', 'acceptedAt'],
    byOwnerSubject: ['owner', 'subject', 'acceptedAt'],
    byOwnerBatch: ['owner', 'batch', 'acceptedAt'],
  },
  keys: (event) => [idOf(event.stream)],
  fold(row, event) {
    if (event.type === 'MessageAccepted') {
      const e = event.data;
      return {
        owner: e.owner, status: e.to, channel: e.channel, gateway: e.gateway, shape: e.shape, recipient: e.recipient, sender: e.sender, subject: subjectOfMessage(e),
        acceptedAt: e.acceptedAt, sendAt: e.sendAt, attempts: 0, nextAttemptAt: e.sendAt, problem: null, sentAt: null, endedAt: null, receipts: e.receipts,
        segments: e.segments, batch: e.batch,
      };
    }
    if (!row) throw new Error(`${event.type} before MessageAccepted`);
    switch (event.type) {
      case 'AttemptStarted': return { ...row, status: event.data.to, attempts: event.data.n, nextAttemptAt: null };
      case 'AttemptSent': return { ...moved(row, event.data.to, event.data.finishedAt), sentAt: row.sentAt ?? event.data.finishedAt, nextAttemptAt: null, problem: null };
      case 'AttemptFailed':
      case 'AttemptUnknown': return { ...moved(row, event.data.to, event.data.finishedAt), nextAttemptAt: event.data.retryAt, problem: row.sentAt === null ? event.data.problem : null }; // what went through has no problem, whatever another attempt met
      case 'AttemptNotMade': return { ...moved(row, event.data.to, event.data.finishedAt), nextAttemptAt: FINAL.has(event.data.to) ? null : event.data.retryAt };
      case 'MessageDead':
      case 'MessageExpired':
      case 'MessageCancelled': return { ...moved(row, event.data.to, event.data.at), nextAttemptAt: null };
      case 'CancelRequested': return row;
    }
  },
});
