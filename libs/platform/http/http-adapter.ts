import type { INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions, onRequestHookHandler, RouteOptions as FastifyRoute } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { answerError, type Answering, ProblemFilter } from './answer.js';
import { BodiesAtWork } from './bodies-at-work.js';
import { pathOf } from './problem.js';
import { parseForm } from './form-body.js';
import { headersFor } from './response-headers.js';
import { takes, type RouteOptions } from './route-options.js';
import { RouteTable } from './route-table.js';
import { parseStrict } from './strict-json.js';

export const BODY_LIMIT = 256 * 1024;
/** Bodies that are worked on at once, together; bytes. */
const BODIES_AT_WORK = 16 * 1024 * 1024;

declare module 'fastify' {
  interface FastifyRequest {
    /** a limiter has counted this request, or it is exempt */
    limitsCounted: boolean;
  }
}

export interface HttpSettings extends Answering {
  /** begins every request id of this process, so that ids of two processes or two starts differ */
  requestIdPrefix: string;
  /** whether what an address says of whom it speaks for is believed; unless told, nobody is */
  trusts?: (address: string) => boolean;
  /** bytes, for routes that say nothing */
  bodyLimit?: number;
  /** bytes of bodies at work at once; over it whoever comes is told to come again */
  bodiesAtWork?: number;
}

/**
 * Nest on Fastify with what every surface needs: exact and case-sensitive routing, strict JSON, our problem answers for whatever goes
 * wrong, 405 with `Allow`, request ids and security headers. Pass it to NestFactory.create with `{ bodyParser: false }`, then call
 * `harden(app)`. It opens no port: see listeners.ts.
 */
export class HttpAdapter extends FastifyAdapter {
  readonly table = new RouteTable();
  readonly #settings: HttpSettings;

  constructor(settings: HttpSettings) {
    let requests = 0;
    const { requestIdPrefix } = settings;
    const answerNow = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
      reply.headers(headersFor(request.raw.socket));
      answerError(error, request, reply, settings);
    };
    super({
      logger: false,
      bodyLimit: settings.bodyLimit ?? BODY_LIMIT,
      trustProxy: settings.trusts ?? false,
      requestIdHeader: false,
      genReqId: () => `${requestIdPrefix}${(++requests).toString(36)}`,
      // no path-scoped middleware can exist, so none can be stepped round
      skipMiddie: true,
      // the router's own "no" (a path that cannot be decoded, a parameter too long), said before any hook ran
      frameworkErrors: answerNow as FastifyServerOptions['frameworkErrors'],
      routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false },
    });
    this.#settings = settings;
    const instance: FastifyInstance = this.getInstance();
    instance.decorateRequest('limitsCounted', false);
    const bodies = new BodiesAtWork(settings.bodiesAtWork ?? BODIES_AT_WORK);
    bodies.watch(instance);
    instance.addHook('onRequest', function headers(request, reply, done) {
      reply.headers(headersFor(request.raw.socket)).header('x-request-id', request.id);
      done();
    });
    instance.addHook('onRoute', (route) => {
      this.table.add(route.method, route.url);
      applyOptions(route);
    });
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
      let value: unknown;
      try {
        value = bodies.read(request, body as Buffer, parseStrict);
      } catch (error) {
        done(inTheFormsWords(error as Error, request.routeOptions.config as RouteOptions, body as Buffer));
        return;
      }
      done(null, value);
    });
    // taken by routes that say so: `consumes`
    instance.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (request, body, done) => {
      try { done(null, bodies.read(request, body as Buffer, parseForm)); } catch (error) { done(error as Error); }
    });
    instance.setErrorHandler((error, request, reply) => answerError(error, request, reply, settings));
    instance.setNotFoundHandler((request, reply) => {
      const allow = this.table.allowed(pathOf(request.url));
      answerError(allow.length > 0 ? new Refusal('method_not_allowed', undefined, undefined, { allow }) : new Refusal('not_found'), request, reply, settings);
    });
  }

  /** Nest would put its own over ours, which speak problem+json. */
  override setErrorHandler(): FastifyInstance {
    return this.getInstance();
  }

  override setNotFoundHandler(): FastifyInstance {
    return this.getInstance();
  }

  override registerParserMiddleware(): void {
    // Nest's parsers would replace the strict one
  }

  /** Makes controllers, guards and pipes answer problems too. Call before `app.init()`. */
  harden(app: INestApplication): void {
    app.useGlobalFilters(new ProblemFilter(this.#settings));
  }
}

/** The manuals' own routes answer 400 to a wrong value, ours 422: also to one that stops the reader of JSON. */
const inTheFormsWords = (error: Error, { manualForm }: RouteOptions, body: Buffer): Error =>
  error instanceof Refusal && error.code === 'validation_failed' && manualForm?.test(body.toString('utf8')) ? new Refusal('invalid_request', error.message === error.code ? undefined : error.message, error.errors) : error;

function applyOptions(route: FastifyRoute): void {
  const { bodyLimit, consumes } = (route.config ?? {}) as RouteOptions;
  if (bodyLimit !== undefined) route.bodyLimit = bodyLimit;
  const hooks = route.onRequest === undefined ? [] : [route.onRequest].flat();
  route.onRequest = [...hooks, mediaTypeHook(consumes)];
}

/** Made once per route: refuses what it does not take before a byte of the body is read. */
const mediaTypeHook = (consumes: readonly string[] | undefined): onRequestHookHandler => function mediaType(request, _reply, done) {
  const { 'content-type': type, 'content-encoding': encoding } = request.raw.headers;
  if (encoding !== undefined && encoding !== 'identity') done(new Refusal('unsupported_media_type', 'Send the body as it is: a Content-Encoding is not taken.'));
  else if (type !== undefined && !takes(type, consumes)) done(new Refusal('unsupported_media_type'));
  else done();
};
