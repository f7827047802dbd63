import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpLog } from './log.js';
import { type Problem, problemOf } from './problem.js';

/** Sends a problem on a reply of Fastify. A body not read to its end closes the connection: the rest of it is not a request. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  if (reply.sent || reply.raw.headersSent) return;
  if (!reply.request.raw.complete) reply.header('connection', 'close');
  // bytes, because Fastify would add a charset, which this type does not have, to a text
  reply.code(problem.status).headers(problem.headers).send(Buffer.from(JSON.stringify(problem.body)));
}

/** The same for a reply that Fastify has let go of: the headers set so far, then the problem's. */
function sendRaw(reply: FastifyReply, problem: Problem): void {
  if (reply.raw.headersSent || reply.raw.destroyed) return;
  const text = JSON.stringify(problem.body);
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...problem.headers })) if (value !== undefined) reply.raw.setHeader(name, value);
  if (!reply.request.raw.complete) reply.raw.setHeader('connection', 'close');
  reply.raw.writeHead(problem.status, { 'content-length': Buffer.byteLength(text) }).end(text);
}

/** What the answers of one application need. */
export interface Answering {
  log: HttpLog;
  /**
   * Called before a 4xx is sent to a request that no limiter has counted (`request.limitsCounted`): no such route, not signed in, not
   * readable. What it rejects with is answered instead.
   */
  refused?: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** told of everything that was thrown, before it is answered */
  threw?: (error: unknown, request: FastifyRequest) => void;
}

/** Answers what was thrown, and logs it with the request id when it is a defect of ours. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, answering: Answering): void {
  const problem = problemOf(error, { instance: request.url, requestId: request.id });
  answering.threw?.(error, request);
  if (problem.defect) answering.log.error({ requestId: request.id, err: error }, 'a request failed unexpectedly');
  if (answering.refused === undefined || request.limitsCounted || problem.status >= 500) {
    sendProblem(reply, problem);
    return;
  }
  request.limitsCounted = true;
  // Nest does not wait for a filter: from here on the answer is ours alone
  reply.hijack();
  const at = { instance: request.url, requestId: request.id };
  answering.refused(request, reply).then(() => sendRaw(reply, problem), (limited: unknown) => sendRaw(reply, problemOf(limited, at)));
}

/** For everything that a controller, guard or pipe throws. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly answering: Answering) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.answering);
  }
}
