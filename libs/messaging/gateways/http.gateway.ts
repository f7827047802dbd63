import type { Answered } from '#libs/platform/egress/egress';
import { keptAnswer, refusal, unanswered } from './answer.js';
import type { Call, CallOutcome, GatewayAdapter } from './gateway.js';

/** The message of an attempt `{messageId}/{n}`. */
const messageOf = (attemptId: string): string => attemptId.slice(0, attemptId.lastIndexOf('/'));

/** As S1's programs sent it; a native message has a recipient instead of a sender. */
const bodyOf = (call: Call): string => JSON.stringify({
  message_id: messageOf(call.attemptId), ...(call.recipient === null ? {} : { to: call.recipient }), sender_number: call.sender, message_body: call.body,
});

/** A reference that the upstream gave in its JSON answer: `id` or `message_id`, of visible ASCII only. */
function referenceIn(text: string): string | null {
  if (!text.startsWith('{')) return null;
  try {
    const answer = JSON.parse(text) as { id?: unknown; message_id?: unknown };
    const id = answer.id ?? answer.message_id;
    return typeof id === 'string' && /^[\x21-\x7e]{1,128}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}

function judged({ status, headers, body }: Answered): CallOutcome {
  const answer = keptAnswer(body);
  if (status < 200 || status > 299) return refusal(true, 'status', status, headers, answer);
  return { outcome: 'sent', status, providerRef: referenceIn(answer), answer };
}

/**
 * S1's upstream: a JSON POST. Any 2xx is `sent`, any other status is tried again; the status decides, so it is enough that it came,
 * whatever became of the rest of the answer.
 */
export const httpGateway: GatewayAdapter = async (settings, call, egress) => {
  const result = await egress.request({
    url: settings.url, method: 'POST', deadlineMs: settings.deadlineMs,
    headers: { 'content-type': 'application/json', 'idempotency-key': call.attemptId, ...(call.traceparent ? { traceparent: call.traceparent } : {}) },
    body: bodyOf(call),
  });
  if (result.ok) return judged(result);
  return result.answered ? judged(result.answered) : unanswered(result);
};
