/**
 * The one catalogue of errors: code → HTTP status, title, and a sentence that says what to do.
 * docs/errors.md is generated from it. A code, once released, keeps its meaning.
 */
export const ERRORS = {
  malformed_json: [400, 'Malformed JSON', 'The body is not readable JSON. Send one JSON object, UTF-8, without duplicate keys.'],
  invalid_request: [400, 'Invalid request', 'One or more values are not acceptable; `errors` names each field.'],
  invalid_sender_number: [400, 'Invalid sender number', 'Invalid sender number: use the E.164 form, a plus sign, country code and number, digits only, such as +1234567890.'],
  two_credentials: [400, 'Two credentials', 'Send one credential, not several.'],
  unauthenticated: [401, 'Not signed in', 'Sign in, or send an access or API token as `Authorization: Bearer …`, an API key as `X-API-Key`, or a client certificate on the mutual-TLS port.'],
  invalid_token: [401, 'Invalid token', 'The token is unknown, expired, revoked or malformed. Sign in again, or ask an administrator for a new one.'],
  invalid_certificate: [401, 'Invalid client certificate', 'The client certificate is not accepted.'],
  invalid_credentials: [401, 'Invalid credentials', 'Invalid credentials: the name or the password is not right, or the account is disabled.'],
  invalid_api_key: [401, 'Invalid API key', 'Invalid or revoked API key'],
  session_ended: [401, 'Session ended', 'The session has ended. Sign in again.'],
  forbidden: [403, 'Forbidden', 'You are signed in, but this needs a right that you do not have. Ask an administrator.'],
  missing_scope: [403, 'Missing scope', 'The API key does not have the scope that this needs.'],
  cross_site: [403, 'Cross-site request', 'A request that changes something, with a cookie, must come from this site itself.'],
  password_change_required: [403, 'Password change required', 'Somebody else knows this password. Change it first: POST /api/v1/profile/password.'],
  registration_closed: [403, 'Registration closed', 'Accounts are made by administrators here. Ask one.'],
  address_refused: [403, 'Address refused', 'Requests from this address are not taken. Ask an administrator.'],
  not_granted: [403, 'Not yours to grant', 'Nobody grants a right that he does not hold.'],
  not_found: [404, 'Not found', 'There is nothing here under this address that you may see.'],
  method_not_allowed: [405, 'Method not allowed', 'This address does not take this method; the `Allow` header lists those it takes.'],
  request_timeout: [408, 'Request timeout', 'The request did not arrive in time. Send it again.'],
  already_final: [409, 'Too late', 'The message has already reached its end and cannot be changed.'],
  name_taken: [409, 'Already taken', 'Somebody is already called so. Choose another name.'],
  last_admin: [409, 'Last administrator', 'Nobody may disable, demote or delete himself, nor the last administrator who can sign in.'],
  confirmation_required: [409, 'Confirmation required', 'This switches a protection off or shuts you out. Send it again with `"confirm": true`.'],
  conflict: [409, 'Conflict', 'Something else changed this at the same time. Read it again, then try again.'],
  payload_too_large: [413, 'Payload too large', 'The body is over the limit of this address.'],
  unsupported_media_type: [415, 'Unsupported media type', 'Send `Content-Type: application/json`, not compressed.'],
  validation_failed: [422, 'Validation failed', 'One or more values are not acceptable; `errors` names each field.'],
  idempotency_mismatch: [422, 'Idempotency key already used', 'This Idempotency-Key was used with another request. Use a new key for a new request.'],
  invalid_reset: [422, 'Invalid reset link', 'The link was used, is too old, or a newer one was asked for. Ask for a new one.'],
  invalid_cursor: [422, 'Invalid cursor', 'The cursor was not made by this list with these filters. Start again from the first page.'],
  rate_limited: [429, 'Too many requests', 'The rate limit is reached. Wait as long as `Retry-After` says, then try again.'],
  header_too_large: [431, 'Headers too large', 'The request headers are over 16 kB.'],
  internal: [500, 'Internal error', 'Something went wrong on our side. Try again; if it stays, give the request id to the administrator.'],
  unavailable: [503, 'Not available', 'A part of the system cannot answer at the moment; nothing was lost. Try again after `Retry-After` seconds.'],
} as const satisfies Record<string, readonly [status: number, title: string, detail: string]>;

export type ErrorCode = keyof typeof ERRORS;
