/** The description of the API says what the API does: every route, and what a running house really answers. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { createHash } from 'node:crypto';
import { openApiDocument } from '#apps/api/openapi';
import type { Example, OpenApiAnswer, OpenApiDocument } from '#apps/api/docs/page';
import { parseConfiguration } from '#libs/platform/configuration/configuration';
import type { HttpAdapter } from '#libs/platform/http/http-adapter';
import { isInstant } from '#libs/platform/validation/decorators';
import { WholeHouse, type Client, type Reply } from './journeys/whole-house.js';

const AT = '/api/v1/messages';
let whole: WholeHouse, user: Client, device: Client, document: OpenApiDocument, strict: Ajv2020, open: Ajv2020;

/** Every object of ours closed, so that a field that is answered and not described is found. */
const closed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(closed);
  if (value === null || typeof value !== 'object') return value;
  const all = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === 'example' || k === 'examples' ? v : closed(v)]));
  return all['type'] === 'object' && 'properties' in all && 'required' in all ? { additionalProperties: false, ...all } : all;
};
const ajvOf = (doc: unknown): Ajv2020 => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': isInstant } });
  ajv.addSchema(doc as object, 'doc');
  return ajv;
};
const pointer = (...parts: (string | number)[]): string => `doc#/${parts.map((p) => encodeURIComponent(String(p).replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
const validatorAt = (ajv: Ajv2020, where: string): ValidateFunction => ajv.compile({ $ref: where });

beforeAll(async () => {
  whole = await WholeHouse.open();
  [user, device, document] = await Promise.all([whole.signedIn('described'), whole.certified('described-device'), openApiDocument()]);
  strict = ajvOf(closed(document));
  open = ajvOf(document);
}, 30_000);
afterAll(() => whole.close());

/** An example, where it stands or where it is referred to. */
const valueOf = (example: Example): { value: unknown } => ('$ref' in example ? document.components.examples![example.$ref.split('/').at(-1)!]! : example);

/** Headers that say something only where there is something to say. */
const mayLack = ({ body }: Reply): string[] => ['Idempotency-Replayed', ...((body.batch as string | null) === null ? ['X-Heliograph-Position'] : [])];

/** What is wrong with an answer, by the document; [] when it is as described. */
function misdescribed(path: string, method: string, reply: Reply): string[] {
  const op = document.paths[path]?.[method.toLowerCase()];
  const answer = op?.responses[reply.status] as OpenApiAnswer | undefined;
  if (!answer) return [`${method} ${path} answers ${reply.status}, which is not described`];
  const type = String(reply.headers['content-type']).split(';')[0]!;
  const missing = Object.keys(answer.headers ?? {}).filter((name) => !(name.toLowerCase() in reply.headers) && !mayLack(reply).includes(name));
  if (!answer.content?.[type]) return [`${method} ${path} ${reply.status} is ${type}, which is not described`];
  const check = validatorAt(strict, pointer('paths', path, method.toLowerCase(), 'responses', reply.status, 'content', type, 'schema'));
  const value: unknown = type.endsWith('json') ? JSON.parse(reply.text) : reply.text;
  return [...missing.map((name) => `${method} ${path} ${reply.status} has no header ${name}`), ...(check(value) ? [] : (check.errors ?? []).map((e) => `${method} ${path} ${reply.status}: ${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`))];
}

describe('the document', () => {
  it('has every running route, and no other', () => {
    const { routes } = (whole.house.api.app.getHttpAdapter() as unknown as HttpAdapter).table;
    const running = routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
    const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    expect(described.sort()).toEqual(running.sort());
    expect(described.length).toBeGreaterThan(8);
  });
  it('has operation ids that differ, and references that lead somewhere', () => {
    const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((op) => op.operationId));
    expect(new Set(ids).size).toBe(ids.length);
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([\w-]+)"/g)];
    expect(refs.length).toBeGreaterThan(50);
    for (const [, kind, name] of refs) expect(Object.keys(document.components[kind as 'schemas'] ?? {})).toContain(name);
  });
  it('says who may call what: every route but the public ones needs a token or a certificate', () => {
    const without = Object.entries(document.paths).flatMap(([path, methods]) => Object.values(methods).filter((op) => !op.security).map(() => path));
    expect([...new Set(without)].sort()).toEqual([
      '/', '/api/auth/login', '/auth/login', '/auth/password/forgot', '/auth/password/reset', '/auth/refresh', '/auth/register', '/auth/signup', '/dashboard',
      '/health', '/login', '/logout', '/ready',
    ]);
  });
  it('names servers that are there whatever the ports are: the listener that served it, and the mutual-TLS one, each with what it takes', async () => {
    const listeners = [{ at: new URL(`http://localhost:${whole.house.listening.ports[0]!.port}/docs/openapi.json`), client: user }, { at: new URL(`https://localhost:${whole.mtlsPort}/docs/openapi.json`), client: device }];
    for (const { at, client } of listeners) {
      const served = await client('GET', at.pathname);
      const [own, mutual] = (JSON.parse(served.text) as OpenApiDocument).servers;
      expect(new URL(own!.url, at).href).toBe(`${at.origin}/`);
      expect((await client('GET', new URL(own!.url, at).pathname.slice(0, -1) + AT)).status).toBe(200);
      const given: Record<string, string> = { port: String(whole.mtlsPort) };
      expect(new URL(mutual!.url.replace(/\{(\w+)\}/g, (_, name: string) => given[name] ?? mutual!.variables![name]!.default)).origin).toBe(listeners[1]!.at.origin);
    }
    expect(document.servers.map((s) => s.url)).toEqual(['/', 'https://{host}:{port}']);
    expect(document.servers[1]!.variables!['port']!.default).toBe(String(parseConfiguration({}, whole.dir).mtlsPort));
  });
  it('has examples that are what they are examples of', () => {
    let seen = 0;
    for (const [path, methods] of Object.entries(document.paths)) for (const [method, op] of Object.entries(methods)) {
      const contents = [...(op.requestBody ? [{ at: ['requestBody'] as (string | number)[], of: op.requestBody.content }] : []), ...Object.entries(op.responses).map(([status, a]) => ({ at: ['responses', status], of: (a as OpenApiAnswer).content ?? {} }))];
      for (const { at, of } of contents) for (const [type, { examples = {} }] of Object.entries(of)) {
        const check = validatorAt(strict, pointer('paths', path, method, ...at, 'content', type, 'schema'));
        for (const [name, example] of Object.entries(examples)) {
          const { value } = valueOf(example);
          seen++;
          expect([method, path, ...at, name, check(value) ? [] : check.errors]).toEqual([method, path, ...at, name, []]);
        }
      }
      for (const [i, p] of (op.parameters ?? []).entries()) if (p.example !== undefined) expect(validatorAt(open, pointer('paths', path, method, 'parameters', i, 'schema'))(p.example)).toBe(true);
    }
    expect(seen).toBeGreaterThan(100);
  });
  it('is served, as it is made here', async () => {
    const served = await user('GET', '/docs/openapi.json');
    expect(JSON.parse(served.text)).toEqual(document);
    expect(misdescribed('/docs/openapi.json', 'GET', served)).toEqual([]);
  });
});

describe('the page', () => {
  it('is whole, without script, without anything from elsewhere, and its policy lets in its own style alone', async () => {
    const { status, headers, text } = await user('GET', '/docs');
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    for (const methods of Object.values(document.paths)) for (const op of Object.values(methods)) expect(text).toContain(`id="${op.operationId}"`);
    for (const { url } of document.servers) expect(text).toContain(`<td><code>${url}</code></td>`);
    expect(text).not.toMatch(/<script|<img|<iframe|<link|\bsrc=|\bon\w+=|javascript:|<[^>]+\sstyle=/i);
    const style = /<style>([^]*?)<\/style>/.exec(text)![1]!;
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect([...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!).filter((href) => !href.startsWith('#'))).toEqual(['/docs/openapi.json']);
    for (const [, id] of text.matchAll(/href="#([^"]*)"/g)) expect(text).toContain(`id="${id}"`);
  });
  it('needs no credential, and takes any number of requests', async () => {
    const nobody = whole.bearer('nonsense');
    expect((await nobody('GET', '/docs')).headers['x-ratelimit-limit']).toBeUndefined();
    expect((await nobody('GET', '/docs')).status).toBe(200);
  });
});

describe('real answers are as described', () => {
  const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
  let n = 20_000;
  const fresh = (): string => `+1556${String(n++).padStart(7, '0')}`;

  it('to the examples of the bodies', async () => {
    for (const path of [AT, `${AT}/batch`]) for (const example of Object.values(document.paths[path]!['post']!.requestBody!.content['application/json']!.examples!)) {
      const { value } = valueOf(example);
      for (const client of [user, device]) {
        const reply = await client('POST', path, { body: value, headers: { 'idempotency-key': `example-${n++}` } });
        expect([200, 202, 207]).toContain(reply.status);
        expect(misdescribed(path, 'POST', reply)).toEqual([]);
      }
    }
  });
  it('over a life: accepted, listed, shown, told, too late to cancel; a failed attempt, a cancelled message, a batch with a bad item', async () => {
    const to = fresh();
    whole.mock.setFault({ kind: 'reset', number: to, times: 1 });
    const { body: { id } } = await user('POST', AT, { body: { to, body: 'Hello', gateway: 'quick', metadata: { a: 1 } } });
    const later = await user('POST', AT, { body: { to: fresh(), body: 'Hello', send_at: inAnHour() } });
    await whole.shown(user, id, 'sent');
    const batch = await user('POST', `${AT}/batch`, { body: { messages: [{ to: fresh(), body: 'one' }, { to: 'nobody', body: 'two' }] } });
    expect(batch.body.results.map((r) => r.status)).toEqual([202, 422]);
    const asked: [string, string, string, Reply][] = [
      ['GET', AT, '', await user('GET', `${AT}?limit=200`)], ['GET', `${AT}/{id}`, '', await user('GET', `${AT}/${id}`)], ['GET', `${AT}/{id}/events`, '', await user('GET', `${AT}/${id}/events?limit=3`)],
      ['POST', `${AT}/{id}/cancel`, '409', await user('POST', `${AT}/${id}/cancel`)], ['POST', `${AT}/{id}/cancel`, '200', await user('POST', `${AT}/${later.body.id}/cancel`)],
      ['POST', `${AT}/batch`, '207', batch], ['POST', `${AT}/batch`, '207', await user('POST', `${AT}/batch`, { body: { messages: [{ body: 'no number' }] } })],
    ];
    expect(asked.flatMap(([method, path, status, reply]) => [...(status && String(reply.status) !== status ? [`${path} ${reply.status}`] : []), ...misdescribed(path, method, reply)])).toEqual([]);
  });
  it('202 to a cancel while a call is under way', async () => {
    const to = fresh();
    whole.mock.setFault({ kind: 'hang', number: to });
    const { body: { id } } = await user('POST', AT, { body: { to, body: 'Hello', gateway: 'quick' } });
    await whole.shown(user, id, 'sending');
    const reply = await user('POST', `${AT}/${id}/cancel`);
    expect([reply.status, misdescribed(`${AT}/{id}/cancel`, 'POST', reply)]).toEqual([202, []]);
  });
  it.each([
    ['400 bad sender', 400, AT, { body: { sender_number: '123', message_body: 'x' } }], ['400 S1 without text', 400, AT, { body: { sender_number: '+1234567890' } }],
    ['400 not JSON', 400, AT, { raw: '{' }], ['422 native', 422, AT, { body: { to: '+15550001111' } }], ['422 mixed', 422, AT, { body: { to: '+15550001111', body: 'x', message_body: 'y' } }],
    ['415', 415, AT, { raw: 'x', headers: { 'content-type': 'text/plain' } }], ['413', 413, AT, { raw: ' '.repeat(300_000) }], ['422 an empty batch', 422, `${AT}/batch`, { body: { messages: [] } }],
    ['422 key in no form', 422, AT, { body: { to: '+15550001111', body: 'x' }, headers: { 'idempotency-key': 'a b' } }],
  ])('%s', async (_name, status, path, asked) => {
    const reply = await user('POST', path, asked);
    expect([reply.status, misdescribed(path, 'POST', reply)]).toEqual([status, []]);
  });
  it('422 for a key used twice', async () => {
    const headers = { 'idempotency-key': `twice-${n++}` };
    const once = await user('POST', AT, { body: { to: '+15550001111', body: 'one' }, headers });
    const again = await user('POST', AT, { body: { to: '+15550001111', body: 'one' }, headers });
    expect([again.headers['idempotency-replayed'], again.text]).toEqual(['true', once.text]);
    const other = await user('POST', AT, { body: { to: '+15550001111', body: 'two' }, headers });
    expect([other.status, misdescribed(AT, 'POST', other)]).toEqual([422, []]);
  });
  it.each([['401', AT, AT], ['404', `${AT}/{id}`, `${AT}/msg_nobody`], ['404', `${AT}/{id}/events`, `${AT}/msg_nobody/events`], ['422', AT, `${AT}?limit=0`], ['422', AT, `${AT}?after=x`]])('%s to GET %s', async (status, path, asked) => {
    const reply = await (status === '401' ? whole.bearer('nonsense') : user)('GET', asked);
    expect([String(reply.status), misdescribed(path, 'GET', reply)]).toEqual([status, []]);
  });
  it.each(['/health', '/ready', '/metrics', '/docs'])('%s', async (path) => {
    const reply = await user('GET', path);
    expect([reply.status, misdescribed(path, 'GET', reply)]).toEqual([200, []]);
  });
  it('503 of a house that is ending', async () => {
    whole.house.api.readiness.drain();
    const reply = await user('GET', '/ready');
    expect([reply.status, misdescribed('/ready', 'GET', reply)]).toEqual([503, []]);
  });
});
