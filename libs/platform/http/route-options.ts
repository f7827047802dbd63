import { RouteConfig } from '@nestjs/platform-fastify';

/** What one route wants otherwise than the rest. Nest keeps one config per handler, so all of it is said in one decorator. */
export interface RouteOptions {
  /** bytes of body taken; 256 kB unless said */
  bodyLimit?: number;
  /** media types taken; `application/json` alone unless said. A parser for each must be registered. */
  consumes?: readonly string[];
  /** which bodies are of a manual's form, by their text: a value in them that JSON can write and nobody can keep is 400, as any wrong value there; elsewhere 422 */
  manualForm?: RegExp;
}

/** Every body: the route is a manual's own. */
export const MANUAL: RouteOptions = { manualForm: /^/ };

/** Decorates a handler of a controller: `@HttpRoute({ bodyLimit: 8_000_000, consumes: ['multipart/form-data'] })`. */
export const HttpRoute = (options: RouteOptions): MethodDecorator => RouteConfig(options);

const UTF8_JSON = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*(?:utf-8|"utf-8")[ \t]*)?$/i;

/** True when a route that takes `consumes` may read a body of this Content-Type; nothing but UTF-8 is ever read as JSON. */
export function takes(contentType: string, consumes: readonly string[] | undefined): boolean {
  if (consumes === undefined) return contentType === 'application/json' || UTF8_JSON.test(contentType);
  const mediaType = (contentType.split(';', 1)[0] as string).trim().toLowerCase();
  return consumes.includes(mediaType) && (mediaType !== 'application/json' || UTF8_JSON.test(contentType));
}
