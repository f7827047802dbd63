import { HttpException } from '@nestjs/common';
import { ERRORS, type ErrorCode } from '#libs/event-sourcing/error-codes';
import { Refusal, TooLarge, Unavailable, VersionConflict } from '#libs/event-sourcing/errors';

/** RFC 9457, with our code beside the URN. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: ErrorCode;
  errors?: { field: string; message: string }[];
  [extra: string]: unknown;
}

export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: ProblemBody;
  /** true: this is our fault, not an answer that we meant to give; whoever sends it also logs the error */
  defect: boolean;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** What a "no" of the framework means in our catalogue. Its own words are never shown. */
const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_json',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_MAX_LIMIT_EXCEEDED: 'not_found',
  // the client left in the middle of its body: nobody reads the answer, and it is no defect
  ECONNRESET: 'invalid_request',
};

const BY_STATUS: Record<number, ErrorCode> = {
  400: 'invalid_request', 401: 'unauthenticated', 403: 'forbidden', 404: 'not_found', 405: 'method_not_allowed', 408: 'request_timeout',
  409: 'conflict', 413: 'payload_too_large', 414: 'not_found', 415: 'unsupported_media_type', 422: 'validation_failed',
  429: 'rate_limited', 431: 'header_too_large', 503: 'unavailable',
};

/** Headers that belong to a code, whoever says it. */
const HEADERS: Partial<Record<ErrorCode, Record<string, string>>> = {
  unauthenticated: { 'www-authenticate': 'Bearer' },
  invalid_token: { 'www-authenticate': 'Bearer error="invalid_token"' },
  // who shows a certificate that is not good has nothing more to say on this connection
  invalid_certificate: { connection: 'close' },
  upgrade_required: { upgrade: 'websocket' },
  rate_limited: { 'retry-after': '60' },
  unavailable: { 'retry-after': '1' },
};

/**
 * The one map from what was thrown to what HTTP answers. `instance` is the request's path (its query is cut off: it may hold secrets).
 * Of a Refusal's `extra`, `retryAfter` (seconds) and `allow` (methods) become headers and the rest members of the body.
 */
export function problemOf(error: unknown, at: { instance: string; requestId: string }): Problem {
  const cause = error instanceof HttpException && codeOf(error.cause) !== '' ? error.cause : error;
  if (cause instanceof Refusal) {
    const { retryAfter, allow, ...members } = cause.extra;
    const headers: Record<string, string> = {};
    if (typeof retryAfter === 'number') headers['retry-after'] = seconds(retryAfter * 1000);
    if (Array.isArray(allow)) headers['allow'] = allow.join(', ');
    return problem(cause.code, at, { detail: cause.message === cause.code ? undefined : cause.message, errors: cause.errors, members, headers });
  }
  if (cause instanceof Unavailable) return problem('unavailable', at, { headers: { 'retry-after': seconds(cause.retryAfterMs) } });
  if (cause instanceof VersionConflict) return problem('conflict', at);
  if (cause instanceof TooLarge) return problem('payload_too_large', at);
  const code = FASTIFY_CODES[codeOf(cause)] ?? (error instanceof HttpException ? BY_STATUS[error.getStatus()] : undefined);
  return code === undefined ? { ...problem('internal', at), defect: true } : problem(code, at);
}

/** A problem of the catalogue, without an error having been thrown. */
export function problem(
  code: ErrorCode,
  at: { instance: string; requestId: string },
  more: { detail?: string; errors?: { field: string; message: string }[]; members?: Record<string, unknown>; headers?: Record<string, string> } = {},
): Problem {
  const [status, title, detail] = ERRORS[code];
  return {
    status,
    headers: { 'content-type': PROBLEM_TYPE, 'x-request-id': at.requestId, ...HEADERS[code], ...more.headers },
    body: {
      ...more.members,
      type: `urn:heliograph:error:${code}`,
      title,
      status,
      detail: more.detail ?? detail,
      instance: pathOf(at.instance),
      code,
      ...(more.errors === undefined ? {} : { errors: more.errors }),
    },
    defect: false,
  };
}

/** The path of a request target, without query or fragment, bounded. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  return (end < 0 ? target : target.slice(0, end)).slice(0, 512);
}

const seconds = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1000)));

const codeOf = (error: unknown): string => (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '');
