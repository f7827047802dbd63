import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';

/** On every answer of the API. A page (docs, portal) sets its own Content-Security-Policy over this one. No CORS header, ever. */
export const API_HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/** On a TLS line. */
const TLS_HEADERS = { ...API_HEADERS, 'strict-transport-security': 'max-age=31536000' } as const;

/** API_HEADERS, and HSTS where the line is TLS. Shared objects: never changed. */
export const headersFor = (socket: Socket): typeof API_HEADERS => (socket instanceof TLSSocket ? TLS_HEADERS : API_HEADERS);
