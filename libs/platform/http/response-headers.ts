import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';

/** On every answer of the API. A page (docs, portal) sets its own Content-Security-Policy over this one. No CORS header, ever. */
export const API_HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

export const HSTS = 'max-age=31536000';

/** API_HEADERS, and HSTS where the line is TLS. */
export const headersFor = (socket: Socket): Record<string, string> =>
  socket instanceof TLSSocket ? { ...API_HEADERS, 'strict-transport-security': HSTS } : { ...API_HEADERS };
