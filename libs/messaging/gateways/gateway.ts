import type { EgressClient } from '#libs/platform/egress/egress';
import type { RetryPolicy } from '../message/retry-policy.js';

/** One configured provider of a channel: data, read at start. Times are milliseconds. */
export interface GatewaySettings {
  name: string;
  channel: 'http' | 'sms';
  /** which adapter speaks to it; see `GATEWAY_KINDS` */
  kind: 'http' | 'sms-http';
  url: string;
  /** calls begun per second, and at once */
  rate: number;
  concurrency: number;
  /** total time for one call, connecting and reading included */
  deadlineMs: number;
  retry: RetryPolicy;
  /** what follows when nobody knows whether a call was carried out */
  onUnknown: 'retry' | 'hold';
  /** does it report deliveries later? if not, sent is shown as delivered */
  receipts: boolean;
  circuit: { failures: number; windowMs: number; windowCalls: number; windowShare: number; probeMs: number };
  /** adapter's own: application id, sender number, the pattern of a documented success */
  options: Record<string, string>;
}

/** What is sent, opened at the last moment. */
export interface Call {
  /** `{messageId}/{n}`: goes along as `Idempotency-Key` */
  attemptId: string;
  recipient: string | null;
  sender: string | null;
  body: string;
  /** W3C trace context, where traces are recorded */
  traceparent?: string;
}

/** Why a call did not end in `sent`: a closed set, fit for a metric's label. */
export type CallProblem =
  | 'dns' | 'address_not_allowed' | 'connect' | 'connect_timeout' | 'tls'          // nothing was sent
  | 'status' | 'rejected'                                                           // the gateway said no
  | 'timeout' | 'reset' | 'garbage' | 'too_large' | 'protocol';                     // it may have been carried out

/** How a call ended. `answer` is at most 2 KiB of what came back, as text. `unknown`: it may have been carried out. */
export type CallOutcome =
  | { outcome: 'sent'; status: number; providerRef: string | null; answer: string }
  | { outcome: 'failed'; temporary: boolean; problem: CallProblem; status: number | null; answer: string | null; retryAfterMs?: number }
  | { outcome: 'unknown'; problem: CallProblem; status: number | null; answer: string | null };

/** Makes one call. Never throws for what the other side does; the deadline and the limits are the egress client's. */
export type GatewayAdapter = (settings: GatewaySettings, call: Call, egress: EgressClient) => Promise<CallOutcome>;
