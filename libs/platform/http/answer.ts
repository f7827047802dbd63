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

/** Answers what was thrown, and logs it with the request id when it is a defect of ours. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: HttpLog): void {
  const problem = problemOf(error, { instance: request.url, requestId: request.id });
  if (problem.defect) log.error({ requestId: request.id, err: error }, 'a request failed unexpectedly');
  sendProblem(reply, problem);
}

/** For everything that a controller, guard or pipe throws. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: HttpLog) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.log);
  }
}
