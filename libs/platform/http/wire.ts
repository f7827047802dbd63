import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '#libs/event-sourcing/error-codes';

/** Headers that say who is asked, by whom, or how the body is to be read: two of them are two readings. */
const ONCE: Record<string, string> = {
  host: 'Host', 'content-type': 'Content-Type', 'content-length': 'Content-Length', 'transfer-encoding': 'Transfer-Encoding', authorization: 'Authorization',
};
const ONCE_LENGTHS = new Set(Object.keys(ONCE).map((name) => name.length));

const BODYLESS = new Set(['GET', 'HEAD', 'TRACE']);

/**
 * Why this request must not be read at all, or undefined: what Node's parser lets through and two readers could understand
 * in two ways. Looked at before routing; whoever gets an answer answers it and closes the connection.
 */
export function wireProblem(request: IncomingMessage): { code: ErrorCode; detail: string } | undefined {
  const { headers, rawHeaders } = request;
  let seen = '';
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const written = rawHeaders[i] as string;
    if (!ONCE_LENGTHS.has(written.length)) continue;
    const name = written.toLowerCase();
    if (ONCE[name] === undefined) continue;
    if (seen.includes(`|${name}|`)) {
      // two media types are no media type; the rest is a request with two meanings
      if (name === 'content-type') return { code: 'unsupported_media_type', detail: 'The header Content-Type is given twice.' };
      if (name === 'authorization') return { code: 'two_credentials', detail: 'The header Authorization is given twice. Send one credential, not several.' };
      return refused(`The header ${ONCE[name]} is given twice.`);
    }
    seen += `|${name}|`;
  }
  if (request.httpVersionMajor !== 1) return refused('Send HTTP/1.1.');
  if (headers.host === undefined && request.httpVersion === '1.1') return refused('The header Host is missing.');
  const encoding = headers['transfer-encoding'];
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== 'chunked') return refused('The only Transfer-Encoding is chunked.');
    if (headers['content-length'] !== undefined) return refused('Content-Length and Transfer-Encoding exclude each other.');
    if (request.httpVersion !== '1.1') return refused('Transfer-Encoding needs HTTP/1.1.');
  }
  // a body that nobody reads is where a second request hides
  if (BODYLESS.has(request.method ?? '') && (encoding !== undefined || (headers['content-length'] ?? '0') !== '0')) {
    return refused(`A ${request.method} request has no body.`);
  }
  return undefined;
}

const refused = (detail: string): { code: ErrorCode; detail: string } => ({ code: 'invalid_request', detail });
