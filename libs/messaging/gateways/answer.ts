import type { EgressResult } from '#libs/platform/egress/egress';
import type { CallOutcome, CallProblem } from './gateway.js';

type Failure = Extract<EgressResult, { ok: false }>;
type Headers = Extract<EgressResult, { ok: true }>['headers'];

/** How much of an answer is kept. */
export const KEPT_BYTES = 2_048;

const lenient = new TextDecoder('utf-8');
const strict = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** `apikey` in JSON (also JSON within JSON), forms, headers and XML, with its value, whole or cut. */
const SECRET = /(api[-_]?key(?:\\*["'])?\s*(?:[:=]|>)\s*)(\\+"[^"]*"?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&"'\\<>{}[\]]+)/gi;

/** An answer as it may be kept: text, without the values of API keys, at most 2 KiB of UTF-8, cut between characters. */
export function keptAnswer(body: Uint8Array): string {
  const text = lenient.decode(body);
  // Taken out before the cut, so that no half of a key is left at the end. Few answers name one: look first.
  const clean = /api[-_]?key/i.test(text) ? text.replace(SECRET, '$1[removed]') : text;
  if (clean.length * 3 <= KEPT_BYTES) return clean;
  const { read } = encoder.encodeInto(clean, new Uint8Array(KEPT_BYTES));
  return clean.slice(0, read);
}

/** The answer as text, or null when its bytes are not UTF-8. */
export function textOf(body: Uint8Array): string | null {
  try {
    return strict.decode(body);
  } catch {
    return null;
  }
}

const SECOND = 1_000;
const HOUR = 3_600_000;

/** Milliseconds that the gateway asks to be left alone, from 1 s to 1 h; undefined when it does not ask, or not in words that HTTP knows. */
export function retryAfterMs(headers: Headers): number | undefined {
  const asked = headers['retry-after'];
  if (typeof asked !== 'string') return undefined;
  const value = asked.trim();
  const bounded = (ms: number) => Math.min(HOUR, Math.max(SECOND, ms));
  if (/^\d+$/.test(value)) return bounded(Number(value) * SECOND);
  // A date is read against the gateway's own clock, which the same answer shows.
  const [until, now] = [Date.parse(value), Date.parse(String(headers['date']))];
  return /^[A-Z][a-z]{2,8}, /.test(value) && Number.isFinite(until - now) ? bounded(until - now) : undefined;
}

/** The gateway's "no". */
export function refusal(temporary: boolean, problem: CallProblem, status: number, headers: Headers, answer: string): CallOutcome {
  const wait = temporary ? retryAfterMs(headers) : undefined;
  return { outcome: 'failed', temporary, problem, status, answer, ...(wait !== undefined && { retryAfterMs: wait }) };
}

/** A call without a complete answer: nothing was sent → tried again; else nobody knows. */
export function unanswered(result: Failure): CallOutcome {
  const { problem } = result;
  if (!result.sent) return { outcome: 'failed', temporary: true, problem, status: null, answer: null };
  const { answered } = result;
  return { outcome: 'unknown', problem, status: answered?.status ?? null, answer: answered ? keptAnswer(answered.body) : null };
}
