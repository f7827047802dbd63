import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import type { SignedIn } from './principal.guard.js';

const TRACED = '/api/v1/';

/** One span for each request of a traced route; the caller's `traceparent` is its parent. Call before `app.init()`. */
export function traceRequests(app: NestFastifyApplication, tracing: Tracing): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', function begin(request: SignedIn, _reply, done) {
    const route = request.routeOptions.url;
    const { traceparent } = request.headers;
    if (route?.startsWith(TRACED)) request.span = tracing.span(`${request.method} ${route}`, 'server', { parent: typeof traceparent === 'string' ? traceparent : undefined });
    done();
  });
  fastify.addHook('onResponse', function end(request: SignedIn, reply, done) {
    request.span?.end({
      'http.request.method': request.method, 'http.route': request.routeOptions.url ?? 'unknown', 'http.response.status_code': reply.statusCode,
      'heliograph.principal': request.principal?.credential.kind ?? 'none',
    });
    done();
  });
}
