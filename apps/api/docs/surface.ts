import type { ErrorCode } from '#libs/event-sourcing/error-codes';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import type { DtoClass } from '#libs/platform/validation/schema';

/** One part of the API in words: beside its controllers, in a file `*.surface.ts`. What is missing in it ends the making of the document. */
export interface Surface {
  /** by the name it has in the document */
  tag: { name: string; description: string };
  bodies: Record<string, DtoClass>;
  /** every field of its bodies and queries */
  fields: Record<string, string>;
  /** what it answers, as JSON Schemas: every field, always there. A test holds real answers against them */
  answers: Record<string, JsonSchema>;
  /** by `Controller_handler` */
  operations: Record<string, Operation>;
}

export interface Answered { description: string; schema?: JsonSchema; type?: string; headers?: readonly HeaderName[]; examples?: Record<string, unknown> }

/** What a handler's code does not say of itself. Who may call it comes from `@Permit`, its path and method from the router's decorators. */
export interface Operation {
  id: string;
  summary: string;
  description?: string;
  query?: DtoClass;
  body?: { schema: JsonSchema; examples: Record<string, unknown> };
  headers?: readonly RequestHeader[];
  answers: Record<number, Answered>;
  /** beyond those that every route, and every route with a permission, may answer */
  refusals?: readonly ErrorCode[];
}

export type RequestHeader = 'Idempotency-Key' | 'X-Heliograph-Position' | 'If-Match' | 'traceparent';
export type HeaderName = 'X-Heliograph-Position' | 'Idempotency-Replayed' | 'ETag';

// The words that schemas are made of.
export const object = (properties: Record<string, JsonSchema>, optional: readonly string[] = []): JsonSchema =>
  ({ type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties });
export const nullable = (schema: JsonSchema): JsonSchema => ({ ...schema, type: [schema.type as string, 'null'] });
export const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

export const text = (description: string): JsonSchema => ({ type: 'string', description });
export const count = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description });
export const moment = (description: string): JsonSchema => ({ type: 'string', format: 'date-time', description: `${description} (UTC)` });
export const yes = (description: string): JsonSchema => ({ type: 'boolean', description });

export const WRITTEN: readonly HeaderName[] = ['X-Heliograph-Position'];
export const CREATED: readonly HeaderName[] = [...WRITTEN, 'Idempotency-Replayed'];
/** An answer whose schema is one of the surface's. */
export const json = (name: string, description: string, example: unknown, headers: readonly HeaderName[] = []): Answered => ({ description, schema: ref(name), headers, examples: { answer: example } });
