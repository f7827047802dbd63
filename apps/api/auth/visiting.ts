import type { FastifyReply } from 'fastify';
import { clearCookie, sessionCookies, setCookie } from '#libs/identity/session/cookie';
import { agentOf } from '#libs/identity/session/sessions';
import type { SignedIn } from '../principal.guard.js';
import { answer as send } from '../request.js';
import type { Visit, WithCookie } from './auth.js';

export const FORM = 'application/x-www-form-urlencoded';
/** Of routes that a form posts to as well. */
export const TAKES = { consumes: ['application/json', FORM] };
export const isForm = (request: SignedIn): boolean => request.headers['content-type']?.toLowerCase().startsWith(FORM) ?? false;

/** The line, or the line to a trusted proxy that says so, is TLS. */
export const isSecure = (request: SignedIn): boolean => request.protocol === 'https';
/** The session cookie of a request; undefined where there is none, or more than one. */
export const cookieOf = (request: SignedIn): string | undefined => {
  const shown = sessionCookies(request.headers.cookie, isSecure(request));
  return shown.length === 1 ? shown[0] : undefined;
};

/** Who comes, in which request, before anybody knows who he is. */
export const visitOf = (request: SignedIn): Visit => ({
  from: { address: request.ip, userAgent: agentOf(request.headers['user-agent']) },
  context: { correlationId: request.id, causationId: request.id, ...(request.span ? { traceparent: request.span.traceparent } : {}) },
});

export function withCookie(request: SignedIn, reply: FastifyReply, { cookie, ...answer }: WithCookie): void {
  const secure = isSecure(request);
  reply.header('set-cookie', cookie === null ? clearCookie(secure) : setCookie(cookie, secure));
  send(reply, answer);
}
