import { ERRORS, type ErrorCode } from '#libs/event-sourcing/error-codes';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import { list, object, text } from './surface.js';

/** Extra members may stand beside these (RFC 9457). */
export const PROBLEM: JsonSchema = object({
  type: text('`urn:heliograph:error:{code}`'),
  title: text('the kind of problem'),
  status: { type: 'integer', minimum: 400, maximum: 599 },
  detail: text('what to do about it'),
  instance: text('the path that was asked for'),
  code: { type: 'string', enum: Object.keys(ERRORS) },
  errors: list(object({ field: text('which value'), message: text('what is wrong with it') })),
  reason: text('with invalid_certificate: why it is not accepted'),
}, ['errors', 'reason']);

/** One problem as an example: the sentence of the catalogue. */
export const problemExample = (code: ErrorCode): Record<string, unknown> => {
  const [status, title, detail] = ERRORS[code];
  const errors: Partial<Record<ErrorCode, { field: string; message: string }[]>> = {
    invalid_sender_number: [{ field: 'sender_number', message: 'sender_number must be a phone number in the E.164 form: a plus sign, country code and number, digits only, such as +1234567890' }],
    validation_failed: [{ field: 'to', message: 'to is missing' }],
  };
  return { type: `urn:heliograph:error:${code}`, title, status, detail, instance: '/api/v1/messages', code, ...(errors[code] ? { errors: errors[code] } : {}) };
};
