import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';

/** Smaller ones are not counted: a thousand of them are nothing, and most requests are. */
export const COUNTED_FROM_BYTES = 8 * 1024;

const TOO_MUCH = 'More large requests are being worked on than can be held at once; nothing of this one was kept. Send it again after `Retry-After` seconds.';

declare module 'fastify' {
  interface FastifyRequest {
    /** what of its body is counted as at work; bytes */
    bytesAtWork: number;
  }
}

/**
 * How many bytes of bodies requests may be at work on together. What is made of a body (values, events, the answer) is some ten times
 * as large and stands until the disk has answered, so this is what bounds the memory of a server whose disk is slow, however many connect.
 * Counted from the moment that a body is there: whoever only promises one, or sends it slowly, takes nothing from the others.
 */
export class BodiesAtWork {
  #bytes = 0;
  /** @param most bytes */
  constructor(private readonly most: number) {}

  get bytes(): number { return this.#bytes; }

  /** Parses a body that has arrived. @throws Refusal unavailable, when too much is at work already; whatever `parse` throws */
  read<T>(request: FastifyRequest, body: Buffer, parse: (body: Buffer) => T): T {
    if (body.length < COUNTED_FROM_BYTES) return parse(body);
    // one alone is always taken: how large it may be is its route's to say
    if (this.#bytes > 0 && this.#bytes + body.length > this.most) throw new Refusal('unavailable', TOO_MUCH, undefined, { retryAfter: 1 });
    const value = parse(body);
    request.bytesAtWork = body.length;
    this.#bytes += body.length;
    return value;
  }

  /** Lets go of a body once its request is answered, or its connection is gone. */
  watch(instance: FastifyInstance): void {
    instance.decorateRequest('bytesAtWork', 0);
    instance.addHook('preValidation', (request, reply, done) => {
      if (request.bytesAtWork > 0) reply.raw.once('close', () => { this.#bytes -= request.bytesAtWork; });
      done();
    });
  }
}
