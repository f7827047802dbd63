import 'reflect-metadata';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { ERRORS, type ErrorCode } from '#libs/event-sourcing/error-codes';
import { accessOf, type HttpKind } from '#libs/identity/access';
import type { Permission } from '#libs/identity/principal';
import { COOKIE_NAME } from '#libs/identity/session/cookie';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import { schemaOf, type DtoClass } from '#libs/platform/validation/schema';
import { CONTROLLERS } from './controllers.js';
import { PROBLEM, problemExample } from './docs/problem.js';
import { ref, type Answered, type HeaderName, type Operation, type RequestHeader, type Surface } from './docs/surface.js';
import type { OpenApiDocument, OpenApiOperation } from './docs/page.js';
import { PERMISSION } from './permission.js';
import { SURFACES } from './surfaces.js';

/** What any route may answer, and what any route with a permission may. */
const EVERY: readonly ErrorCode[] = ['invalid_request', 'two_credentials', 'address_refused', 'request_timeout', 'unsupported_media_type', 'rate_limited', 'header_too_large', 'internal'];
const SIGNED_IN: readonly ErrorCode[] = ['unauthenticated', 'invalid_token', 'invalid_api_key', 'session_ended', 'invalid_certificate', 'forbidden', 'missing_scope', 'cross_site', 'password_change_required', 'unavailable'];

const HEADERS: Record<string, { description: string; schema: JsonSchema }> = {
  'X-Request-Id': { description: 'Names this request in logs and in events.', schema: { type: 'string' } },
  'X-Heliograph-Position': { description: 'Where the write stands in the log; absent where nothing was written. A list that is given it waits until it has seen it.', schema: { type: 'string' } },
  'Idempotency-Replayed': { description: 'There when the answer is that of an earlier request with the same key.', schema: { type: 'string', const: 'true' } },
  ETag: { description: 'The version that was read or made; sent back as If-Match, it guards a change against one made in between.', schema: { type: 'string' } },
  'Retry-After': { description: 'Try again after so many seconds.', schema: { type: 'integer', minimum: 1 } },
  'WWW-Authenticate': { description: 'How to sign in.', schema: { type: 'string' } },
  'X-RateLimit-Limit': { description: 'Requests per minute.', schema: { type: 'integer' } },
  'X-RateLimit-Remaining': { description: 'How many are left in the tighter window.', schema: { type: 'integer' } },
  'X-RateLimit-Reset': { description: 'When that window ends, in seconds since 1970.', schema: { type: 'integer' } },
  'RateLimit-Policy': { description: 'The limits, as the IETF draft writes them.', schema: { type: 'string' } },
  RateLimit: { description: 'What is left of each, as the IETF draft writes it.', schema: { type: 'string' } },
};
const LIMIT_HEADERS = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset', 'RateLimit-Policy', 'RateLimit'];
const OF_STATUS: Record<number, readonly string[]> = { 401: ['WWW-Authenticate'], 429: ['Retry-After'], 503: ['Retry-After'] };

const REQUEST_HEADERS: Record<RequestHeader, { description: string; schema: JsonSchema; example: string }> = {
  'Idempotency-Key': { description: 'The same key with the same body makes one message and gives the same answer, as long as the message is kept; with another body it is refused (422).', schema: { type: 'string', pattern: '^[!-~]{1,255}$' }, example: 'order-17' },
  'X-Heliograph-Position': { description: 'What a write answered: the list waits (250 ms at most) until it has seen it.', schema: { type: 'string', pattern: '^[0-9A-Za-z.:-]{1,64}$' }, example: '0000000000000007' },
  'If-Match': { description: 'The ETag that was read: if somebody else has changed it since, nothing is changed (409).', schema: { type: 'string' }, example: '"7"' },
  traceparent: { description: 'W3C trace context; goes into every event that follows.', schema: { type: 'string', pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' }, example: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
};

/** The description of the running API: its routes from the controllers, their bodies from the DTOs, the rest from the surfaces. */
export async function openApiDocument(): Promise<OpenApiDocument> {
  const document = await scanned();
  const handlers = new Map(CONTROLLERS.flatMap((c) => Object.getOwnPropertyNames(c.prototype).map((name) => [`${c.name}_${name}`, (c.prototype as unknown as Record<string, object>)[name]!])));
  const operations = new Map(SURFACES.flatMap((surface) => Object.entries(surface.operations).map(([key, operation]) => [key, { surface, operation }] as const)));
  const left = new Set(operations.keys());
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, bare] of Object.entries(methods)) {
      const key = bare.operationId!;
      const known = operations.get(key);
      if (!known) throw new Error(`${key} (${method.toUpperCase()} ${path}) is described in no *.surface.ts`);
      left.delete(key);
      methods[method] = described(known.operation, known.surface, bare, Reflect.getMetadata(PERMISSION, handlers.get(key)!) as Permission);
    }
  }
  if (left.size > 0) throw new Error(`a *.surface.ts describes what no controller has: ${[...left].join(', ')}`);
  document.components.schemas = Object.fromEntries([...SURFACES.flatMap(bodiesOf), ...SURFACES.flatMap((s) => Object.entries(s.answers)), ['Problem', PROBLEM]]);
  document.components.headers = HEADERS;
  document.components.examples = examplesOf(Object.fromEntries((Object.keys(ERRORS) as ErrorCode[]).map((code) => [code, problemExample(code)])));
  return JSON.parse(JSON.stringify(document)) as OpenApiDocument;
}

/** Paths, methods and path parameters, as Nest reads them; nothing is made or started for it. */
async function scanned(): Promise<OpenApiDocument> {
  class Described {}
  const tokens = CONTROLLERS.flatMap((c) => [
    ...((Reflect.getMetadata('design:paramtypes', c) as Type[] | undefined) ?? []),
    ...((Reflect.getMetadata('self:paramtypes', c) as { param: symbol }[] | undefined) ?? []).map(({ param }) => param),
  ]);
  Module({ controllers: CONTROLLERS, providers: [...new Set(tokens)].map((provide) => ({ provide, useValue: null })) })(Described);
  const app = await NestFactory.create(Described, new FastifyAdapter(), { preview: true, logger: false, abortOnError: false });
  const builder = new DocumentBuilder().setOpenAPIVersion('3.1.0').setTitle('Heliograph').setVersion('1')
    .setDescription('Messages, accepted once they are on disk, tried until their gateway\'s policy ends, and told from their first event. Errors are `application/problem+json` (RFC 9457).')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    // true whatever the ports are: the committed document holds nothing of one run
    .addServer('/', 'The listener that served this document. An HTTP one (setting `LISTEN_PORTS`) takes access tokens, API tokens, API keys and session cookies; the mutual-TLS one takes client certificates and nothing else.')
    .addServer('https://{host}:{port}', 'The mutual-TLS listener: client certificates and nothing else. There is none where the setting `MTLS_PORT` is 0.', {
      host: { default: 'localhost', description: 'a name of this server (setting `PUBLIC_HOSTS`)' }, port: { default: '8001', description: 'as the setting `MTLS_PORT` says' },
    })
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An access token from a sign-in, or an API token: `npx heliograph tokens create --owner NAME --role user`.' }, 'token')
    .addApiKey({ type: 'apiKey', name: 'X-API-Key', in: 'header', description: 'An API key, limited to its scopes.' }, 'key')
    .addCookieAuth(COOKIE_NAME, { type: 'apiKey', description: 'The session cookie of the portal; over TLS it is called `__Host-sid`.' }, 'cookie')
    .addSecurity('certificate', { type: 'mutualTLS', description: 'On the mutual-TLS listener: a client certificate that this server\'s own authority issued.' } as never);
  for (const { tag } of SURFACES) builder.addTag(tag.name, tag.description);
  const document = SwaggerModule.createDocument(app, builder.build());
  await app.close();
  return document as unknown as OpenApiDocument;
}

/** The bodies that a surface takes, each field with its words. */
const bodiesOf = (surface: Surface): [string, JsonSchema][] => Object.entries(surface.bodies).map(([name, dto]) =>
  [name, { ...schemaOf(dto), properties: Object.fromEntries(propertiesOf(dto).map(([field, schema]) => [field, { ...schema, description: inWords(surface, field) }])) }]);

function described(known: Operation, surface: Surface, bare: OpenApiOperation, permission: Permission): OpenApiOperation {
  const open = permission === 'public', limited = !open && permission !== 'operations';
  const parameters = [
    ...(bare.parameters ?? []).filter((p) => p.in === 'path').map((p) => ({ ...p, schema: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,100}$' }, example: 'msg_PfeWAltfB_KARUpfCknk7ZLNynAheVzq' })),
    ...(known.query ? propertiesOf(known.query).map(([name, schema]) => ({ name, in: 'query', required: false, description: inWords(surface, name), schema: withoutNull(schema) })) : []),
    ...(known.headers ?? []).map((name) => ({ name, in: 'header', required: false, ...REQUEST_HEADERS[name] })),
  ];
  return {
    operationId: known.id, tags: [surface.tag.name], summary: known.summary, ...(known.description ? { description: known.description } : {}),
    ...(open ? {} : { 'x-permission': permission, ...accessIn(permission) }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(known.body ? { requestBody: { required: true, content: { 'application/json': { schema: known.body.schema, examples: examplesOf(known.body.examples) } } } } : {}),
    responses: {
      ...Object.fromEntries(Object.entries(known.answers).map(([status, answer]) => [status, answered(Number(status), answer, limited)])),
      ...refusals([...EVERY, ...(open ? [] : SIGNED_IN), ...(known.refusals ?? [])], known.answers),
    },
  };
}

/** Which kind of credential is shown how. */
const SHOWN: Record<HttpKind, string> = { 'access-token': 'token', 'api-token': 'token', session: 'cookie', 'api-key': 'key', 'client-certificate': 'certificate' };

/** Who may call it, in the document's words. */
function accessIn(permission: Permission): Record<string, unknown> {
  const { roles, kinds, scope } = accessOf(permission)!;
  return { 'x-roles': roles, 'x-credentials': kinds, ...(scope === null ? {} : { 'x-scope': scope }), 
    // from the operator's networks nothing need be shown
    security: [...(permission === 'operations' ? [{}] : []), ...[...new Set(kinds.map((kind) => SHOWN[kind]))].map((name) => ({ [name]: [] }))] };
}

const propertiesOf = (dto: DtoClass): [string, JsonSchema][] => Object.entries(schemaOf(dto)['properties'] as Record<string, JsonSchema>);

function inWords({ tag, fields }: Surface, field: string): string {
  const words = fields[field];
  if (words === undefined) throw new Error(`the field ${field} is not described in the surface of ${tag.name}`);
  return words;
}

/** In a query there is no null: what is optional is left out. */
function withoutNull(schema: JsonSchema): JsonSchema {
  const types = [schema.type].flat().filter((type) => type !== 'null');
  const values = schema['enum'] as unknown[] | undefined;
  return { ...schema, type: types.length === 1 ? types[0]! : (types as string[]), ...(values ? { enum: values.filter((value) => value !== null) } : {}) };
}

const examplesOf = (examples: Record<string, unknown>): Record<string, { value: unknown }> => Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));

const headersOf = (status: number, own: readonly HeaderName[], limited: boolean): Record<string, JsonSchema> =>
  Object.fromEntries(['X-Request-Id', ...own, ...(OF_STATUS[status] ?? []), ...(limited ? LIMIT_HEADERS : [])].map((name) => [name, { $ref: `#/components/headers/${name}` }]));

function answered(status: number, { description, schema, type = 'application/json', headers = [], examples }: Answered, limited: boolean): Record<string, unknown> {
  return { description, headers: headersOf(status, headers, limited), content: { [type]: { schema: schema ?? {}, ...(examples ? { examples: examplesOf(examples) } : {}) } } };
}

/** One answer for each status, with every code that it may carry. */
function refusals(codes: readonly ErrorCode[], taken: object): Record<string, unknown> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) byStatus.set(ERRORS[code][0], [...(byStatus.get(ERRORS[code][0]) ?? []), code]);
  return Object.fromEntries([...byStatus].filter(([status]) => !(status in taken)).map(([status, of]) => [status, {
    description: of.map((code) => ERRORS[code][1]).join(', or '),
    headers: headersOf(status, [], true),
    content: { 'application/problem+json': { schema: { allOf: [ref('Problem'), { properties: { code: { enum: of } } }] }, examples: Object.fromEntries(of.map((code) => [code, { $ref: `#/components/examples/${code}` }])) } },
  }]));
}
