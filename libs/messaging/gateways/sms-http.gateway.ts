import type { Answered } from '#libs/platform/egress/egress';
import { keptAnswer, refusal, textOf, unanswered } from './answer.js';
import type { Call, CallOutcome, GatewayAdapter, GatewaySettings } from './gateway.js';

/** What the gateway's manual promises: `OK`, with a reference or without. */
export const SMS_SUCCESS = String.raw`^\s*OK(?:\s+(?<ref>[\x21-\x7e]{1,128}))?\s*$`;
/** … and how it says no for good. */
export const SMS_REJECTION = String.raw`^\s*(ERR|REJECTED)\b`;

/**
 * Options of the kind `sms-http`: the application and sender that the provider gave out, the names of its four form fields,
 * and the patterns of its answers (`success` may name a group `ref`).
 */
export const SMS_OPTIONS: Readonly<Record<string, string>> = {
  applicationId: '', senderNumber: '',
  applicationField: 'application', senderField: 'sender', recipientField: 'mrt', textField: 'msg_utf8',
  success: SMS_SUCCESS, rejection: SMS_REJECTION,
};

/** Statuses of the 4xx that mean "not now" rather than "no". */
const NOT_NOW = new Set([408, 429]);
/** What is read of an answer: the documented ones are a line. */
const MAX_BYTES = 65_536;

interface Prepared {
  form: (call: Call, recipient: string) => string;
  success: RegExp;
  rejection: RegExp;
}
const escape = (text: string): string => encodeURIComponent(text.toWellFormed());

function prepare(settings: GatewaySettings): Prepared {
  const option = (name: string): string => settings.options[name] ?? SMS_OPTIONS[name] ?? '';
  const [application, sender, recipient, text] = ['applicationField', 'senderField', 'recipientField', 'textField'].map((name) => escape(option(name)));
  const start = `${application}=${escape(option('applicationId'))}&${sender}=`;
  return {
    form: (call, to) => `${start}${escape(option('senderNumber') || (call.sender ?? ''))}&${recipient}=${escape(to)}&${text}=${escape(call.body)}`,
    success: new RegExp(option('success')),
    rejection: new RegExp(option('rejection')),
  };
}

// Settings are read at start and stay: what follows from them is worked out once for each.
const prepared = new WeakMap<GatewaySettings, Prepared>();
function preparedFor(settings: GatewaySettings): Prepared {
  const known = prepared.get(settings);
  if (known) return known;
  const made = prepare(settings);
  prepared.set(settings, made);
  return made;
}

function judged({ success, rejection }: Prepared, { status, headers, body }: Answered, cut: boolean): CallOutcome {
  const answer = keptAnswer(body);
  if (status >= 400 && status < 500) return refusal(NOT_NOW.has(status), 'status', status, headers, answer);
  if (status < 200 || status > 299) return refusal(true, 'status', status, headers, answer);
  if (cut) return { outcome: 'unknown', problem: 'too_large', status, answer };
  const text = textOf(body);
  const accepted = text === null ? null : success.exec(text);
  if (accepted) return { outcome: 'sent', status, providerRef: accepted.groups?.['ref'] ?? null, answer };
  if (text !== null && rejection.test(text)) return refusal(false, 'rejected', status, headers, answer);
  return { outcome: 'unknown', problem: 'garbage', status, answer };
}

/**
 * S3's `gateway.jsp`: a form POST (a number never stands in a URL). Only a 2xx with the documented text is `sent`; a documented
 * rejection or a 4xx is a no for good; a 5xx is tried again; a 2xx with anything else may have been sent: `unknown`.
 */
export const smsHttpGateway: GatewayAdapter = async (settings, call, egress) => {
  if (call.recipient === null) return { outcome: 'failed', temporary: false, problem: 'rejected', status: null, answer: null };
  const expected = preparedFor(settings);
  const result = await egress.request({
    url: settings.url, method: 'POST', deadlineMs: settings.deadlineMs, maxBytes: MAX_BYTES,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', 'idempotency-key': call.attemptId, ...(call.traceparent ? { traceparent: call.traceparent } : {}) },
    body: expected.form(call, call.recipient),
  });
  if (result.ok) return judged(expected, result, result.truncated);
  // A status that says no needs no complete body; a yes does.
  return result.answered && result.answered.status > 299 ? judged(expected, result.answered, false) : unanswered(result);
};
