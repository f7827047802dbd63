import { Refusal } from '#libs/event-sourcing/errors';
import { problemOf } from '../http/problem.js';
import { parseStrict } from '../http/strict-json.js';

/** What a client sends: one flat JSON object whose `type` says who takes it. */
export interface Frame { type: string; [field: string]: unknown }

const TYPE = /^[a-z][a-z0-9_.-]{0,63}$/;

/** The frame in this text, read as strictly as any body; or why there is none. */
export function readFrame(data: Buffer): Frame | Refusal {
  try {
    const value = parseStrict(data);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Refusal('validation_failed', 'A frame is one JSON object.');
    const { type } = value as { type?: unknown };
    if (typeof type !== 'string' || !TYPE.test(type)) return new Refusal('validation_failed', undefined, [{ field: 'type', message: 'type must be a text of a-z, 0-9, dot, hyphen and underscore, at most 64' }]);
    return value as Frame;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** What is answered to a frame that failed: the catalogue's code and sentence. `defect`: it is our fault. */
export function errorFrame(error: unknown, inReplyTo: string | null): { text: string; defect: boolean } {
  const { body, headers, defect } = problemOf(error, { instance: '', requestId: '' });
  const { code, detail, errors } = body;
  const seconds = headers['retry-after'];
  return { defect, text: JSON.stringify({ type: 'error', code, detail, ...(errors ? { errors } : {}), ...(seconds === undefined ? {} : { retry_after: Number(seconds) }), in_reply_to: inReplyTo }) };
}
