import type { FastifyReply } from 'fastify';
import type { Answer, Asking } from './messages/asking.js';
import type { SignedIn } from './principal.guard.js';

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const POSITION = /^[0-9A-Za-z.:-]{1,64}$/;

/** Who asks, in which request, of one that the guard has let through. */
export const askingOf = (request: SignedIn): Asking => {
  const { traceparent, 'idempotency-key': key, 'x-heliograph-position': position } = request.headers;
  return {
    principal: request.principal!, requestId: request.id, ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(request.span ? { traceparent: request.span.traceparent } : typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
    ...(typeof position === 'string' && POSITION.test(position) ? { position } : {}),
  };
};

export const answer = (reply: FastifyReply, { status, body, position, replayed }: Answer): void => {
  if (position) reply.header('x-heliograph-position', position);
  if (replayed) reply.header('idempotency-replayed', 'true');
  reply.code(status).send(body);
};
