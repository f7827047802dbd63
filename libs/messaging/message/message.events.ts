import { subjectOf, type Sensitive, type Stored } from '#libs/event-sourcing/sealed';
import type { RetryPolicy } from './retry-policy.js';

/**
 * Every fact that a `message-{id}` stream can hold. These names and shapes are on disk for ever: a change is a new
 * version with an upcast and a golden sample. What moves a message's status carries `from` and `to`.
 */
export type MessageEvents = {
  /** The promise: what was accepted will be tried until its policy ends. Carries the policy in force. */
  MessageAccepted: {
    owner: string;
    channel: string;
    gateway: string;
    /** what kind of address the recipient is, and so whose data the message is; null where there is no recipient */
    address: AddressKind | null;
    /** the address; null where the channel has none (S1's upstream) */
    recipient: Sensitive<string> | null;
    /** E.164 of the sender, as S1 names it; null elsewhere */
    sender: Sensitive<string> | null;
    body: Sensitive<string>;
    /** SMS segments, where the channel counts them */
    segments: number | null;
    /** HMAC of the request under the subject's key: tells a repeat from another request */
    fingerprint: string;
    /** which body the request had, so that a repeat is answered in kind */
    shape: 'native' | 's1';
    acceptedAt: string;
    /** when it is first due */
    sendAt: string;
    expiresAt: string | null;
    policy: RetryPolicy;
    deadlineMs: number;
    onUnknown: 'retry' | 'hold';
    receipts: boolean;
    /** the caller's own, returned as given; not searchable, sealed like the body */
    metadata: Sensitive<string> | null;
    batch: string | null;
    to: 'queued';
  };
  /** The claim: durable before the gateway is called. Whoever appended it may call, nobody else. */
  AttemptStarted: { n: number; gateway: string; startedAt: string; from: MessageStatus; to: 'sending' };
  /** The gateway took it. `status`: null where the gateway has no codes. */
  AttemptSent: { n: number; gateway: string; status: number | null; providerRef: string | null; answer: Sensitive<string> | null; finishedAt: string; durationMs: number; late: boolean; from: MessageStatus; to: MessageStatus };
  /** The gateway said no, or was not reached: nothing was carried out. `retryAt` is null when none follows. */
  AttemptFailed: { n: number; gateway: string; problem: string; status: number | null; answer: Sensitive<string> | null; temporary: boolean; retryAt: string | null; finishedAt: string; durationMs: number; late: boolean; from: MessageStatus; to: MessageStatus };
  /** Nobody knows whether the call was carried out. */
  AttemptUnknown: { n: number; gateway: string; problem: string; status: number | null; answer: Sensitive<string> | null; retryAt: string | null; finishedAt: string; from: MessageStatus; to: MessageStatus };
  /** The call was not begun in time after its claim: uses up nothing. */
  AttemptNotMade: { n: number; gateway: string; reason: string; retryAt: string; finishedAt: string; from: MessageStatus; to: MessageStatus };
  /** The policy ended without success: a dead letter. */
  MessageDead: { reason: 'attempts' | 'span'; at: string; from: MessageStatus; to: 'dead' };
  /** Its `expires_at` passed before it was sent. */
  MessageExpired: { at: string; from: MessageStatus; to: 'expired' };
  /** Asked for while a call was under way: none follows, its outcome decides. */
  CancelRequested: { at: string; by: string; reason: 'asked' | 'erased' };
  /** No attempt follows. `reason`: asked for, or its content was erased. */
  MessageCancelled: { at: string; reason: 'asked' | 'erased'; by: string; from: MessageStatus; to: 'cancelled' };
};

/** E.164 so far; a channel with another kind of address adds it here and among the kinds of subjects. */
export type AddressKind = 'number';

export const MESSAGE_STATUSES = ['queued', 'sending', 'retrying', 'unknown', 'sent', 'delivered', 'failed', 'dead', 'expired', 'cancelled'] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** Whose a message is: the recipient's; where there is none (S1) the sender's. The text may be somebody else's, who sent it to many. */
export const subjectOfMessage = (e: Stored<MessageEvents['MessageAccepted']>): string | null => {
  const of = e.recipient ?? e.sender;
  return of && subjectOf(of);
};
