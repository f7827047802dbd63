import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { oddRequests } from '#libs/platform/http/testing/odd-paths';
import { exchange, jsonRequest, request, type RawAnswer } from '#libs/platform/http/testing/raw-http';
import { BODY_LIMIT } from '#libs/platform/http/http-adapter';
import { calls, logged, type Running, SQL, start } from './http-app.js';

let running: Running;
beforeAll(async () => {
  running = await start();
});
afterAll(() => running.close());
beforeEach(() => {
  calls.length = 0;
  logged.length = 0;
});

const send = (bytes: string | Buffer): Promise<RawAnswer> => exchange(running.port, bytes);
const problemOf = (answer: RawAnswer): Record<string, unknown> => {
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['x-request-id']).toMatch(/^test-/);
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  expect(Object.keys(body)).toEqual(expect.arrayContaining(['type', 'title', 'status', 'detail', 'instance', 'code']));
  expect(body['status']).toBe(answer.status);
  return body;
};

describe('T18 odd addresses', () => {
  it('T18 reach no handler without a credential, for every route', async () => {
    const { routes } = running.adapter.table;
    const guarded = routes.filter(({ url }) => !url.startsWith('/open'));
    expect(guarded.map(({ method, url }) => `${method} ${url}`)).toEqual(expect.arrayContaining(['GET /admin', 'HEAD /admin', 'DELETE /api/v1/things/:id', 'POST /api/v1/things']));
    const odd = oddRequests(guarded);
    expect(odd.length).toBeGreaterThan(100);
    const answers = await Promise.all(odd.map(async ({ name, method, target, headers }) => ({ name, answer: await send(request(`${method} ${target}`, headers)) })));
    // a backslash or a bare origin is no request target: the parser says 400 before there is a route
    expect(answers.filter(({ answer }) => ![400, 401, 404, 405].includes(answer.status)).map(({ name, answer }) => `${name}: ${answer.status}`)).toEqual([]);
    for (const { answer } of answers.filter(({ answer: a }) => a.body !== '')) problemOf(answer);
    expect(calls).toEqual([]);
  });

  it('T18 the same address with a credential does reach it (so the counter can count)', async () => {
    expect((await send(request('GET /admin', ['Authorization: Bearer good']))).status).toBe(200);
    expect(calls).toEqual(['admin']);
  });
});

describe('T19 content types', () => {
  const body = '{"a":1}';
  it.each([
    ['missing', []],
    ['text/plain', ['Content-Type: text/plain']],
    ['a tab in it', ['Content-Type: application/json\ta']],
    ['garbage after it', ['Content-Type: application/json garbage']],
    ['charset utf-16', ['Content-Type: APPLICATION/JSON ; charset=utf-16']],
    ['multipart', ['Content-Type: multipart/form-data; boundary=x']],
    ['two headers', ['Content-Type: application/json', 'Content-Type: text/plain']],
    ['two equal headers', ['Content-Type: application/json', 'Content-Type: application/json']],
    ['a form', ['Content-Type: application/x-www-form-urlencoded']],
    ['empty', ['Content-Type:']],
    ['a comma', ['Content-Type: application/json, text/plain']],
  ])('T19 %s: 415', async (_, headers) => {
    const answer = await send(jsonRequest('POST /open/things', body, headers));
    expect(answer.status).toBe(415);
    expect(problemOf(answer)['code']).toBe('unsupported_media_type');
    expect(calls).toEqual([]);
  });

  it.each(['application/json', ' application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8', 'Application/Json;charset="UTF-8"'])('T19 %j is read', async (type) => {
    expect((await send(jsonRequest('POST /open/things', body, [`Content-Type: ${type}`]))).status).toBe(200);
    expect(calls).toEqual([{ a: 1 }]);
  });
});

describe('T19 a route that takes something else', () => {
  it('T19 refuses JSON there, and what nobody can read', async () => {
    expect((await send(jsonRequest('POST /open/form', '{"a":1}'))).status).toBe(415);
    expect((await send(jsonRequest('POST /open/form', '{"a":1}', ['Content-Type: multipart/form-data']))).status).toBe(415);
    expect(calls).toEqual([]);
  });
});

describe('T20 sizes', () => {
  const padded = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;

  it('T20 takes the limit and refuses one byte more, by its length', async () => {
    expect((await send(jsonRequest('POST /open/things', padded(BODY_LIMIT)))).status).toBe(200);
    calls.length = 0;
    const answer = await send(jsonRequest('POST /open/things', padded(BODY_LIMIT + 1)));
    expect(problemOf(answer)).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(calls).toEqual([]);
  });

  it('T20 refuses before the rest is read: only the headers are sent', async () => {
    const answer = await send(request('POST /open/things', ['Content-Type: application/json', 'Content-Length: 1000000000']));
    expect(answer.status).toBe(413);
    expect(answer.headers['connection']).toBe('close');
  });

  it('T20 refuses one byte more in chunks', async () => {
    const text = padded(BODY_LIMIT + 1);
    const answer = await send(request('POST /open/things', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`));
    expect(answer.status).toBe(413);
    expect(calls).toEqual([]);
  });

  it('T20 a body longer than it says is cut there, and the rest is no request', async () => {
    const answer = await send(request('POST /open/things', ['Content-Type: application/json', 'Content-Length: 7'], '{"a":1}GET /open/echo HTTP/1.1\r\nHost: a\r\n\r\n'));
    expect(answer.statuses).toEqual([200]);
    expect(calls).toEqual([{ a: 1 }]);
  });

  it('T20 a route has its own limit', async () => {
    expect((await send(jsonRequest('POST /open/small', padded(100)))).status).toBe(201);
    expect((await send(jsonRequest('POST /open/small', padded(101)))).status).toBe(413);
  });

  it('T20 a compressed request is not inflated: 415', async () => {
    const answer = await send(jsonRequest('POST /open/things', '{}', ['Content-Type: application/json', 'Content-Encoding: gzip']));
    expect(problemOf(answer)).toMatchObject({ status: 415 });
    expect(calls).toEqual([]);
  });

  it('T20 an empty body where JSON is announced: 400', async () => {
    expect(problemOf(await send(jsonRequest('POST /open/things', '')))).toMatchObject({ status: 400, code: 'malformed_json' });
  });
});

describe('T21, T22 JSON', () => {
  it.each([
    ['{"a":1,"a":2}', 400],
    ['{"n":1e999}', 422],
    ['{"n":12345678901234567890}', 422],
    ['{"a":1,}', 400],
    ['\uFEFF{"a":1}', 400],
    ['"\\ud83d"', 422],
    ["{'a':1}", 400],
    ['{"__proto__":{"role":"admin"}}', 400],
    ['{"constructor":{"prototype":{"x":1}}}', 400],
  ])('T21 T22 %s: %i', async (text, status) => {
    expect(problemOf(await send(jsonRequest('POST /open/things', text)))['status']).toBe(status);
    expect(calls).toEqual([]);
    expect('x' in {} || 'role' in {}).toBe(false);
    expect(logged).toEqual([]);
  });

  it('T21 100,000 nested [: 400', async () => {
    expect(problemOf(await send(jsonRequest('POST /open/things', '['.repeat(100_000))))['status']).toBe(400);
  });

  it('T21 invalid UTF-8 FF FE: 400', async () => {
    expect(problemOf(await send(jsonRequest('POST /open/things', Buffer.from([0x22, 0xff, 0xfe, 0x22]))))['status']).toBe(400);
  });

  it('T21 the duplicate is named', async () => {
    expect(problemOf(await send(jsonRequest('POST /open/things', '{"a":1,"a":2}')))['detail']).toContain('"a"');
  });
});

describe('T20, T22, T23, T24 validated routes', () => {
  const post = (body: string): Promise<RawAnswer> => send(jsonRequest('POST /open/checked', body));

  it.each([
    ['T20 10,000 items where 1,000 are allowed', JSON.stringify({ name: 'a', tags: Array.from({ length: 10_000 }, () => 'x') }), 'tags'],
    ['T22 a constructor', '{"name":"a","constructor":{}}', 'constructor'],
    ['T22 only a constructor', '{"constructor":{}}', 'name'],
    ['T24 an operator', '{"name":{"$ne":null}}', 'name'],
    ['T24 a list', '{"name":["a@example.com"]}', 'name'],
    ['T24 true', '{"name":true}', 'name'],
    ...['role', 'isAdmin', 'owner_id', 'tenant_id', 'status', 'created_at', 'attempts', 'scopes', 'version', 'position'].map((field) => [`T23 ${field}`, `{"name":"a","${field}":"x"}`, field]),
  ] as [string, string, string][])('%s: 422 naming the field', async (_, body, field) => {
    const problem = problemOf(await post(body));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect((problem['errors'] as { field: string }[]).map((error) => error.field)).toContain(field);
    expect(calls).toEqual([]);
  });

  it.each(['null', '1', '"text"', '[]', 'true'])('T20 T24 the body %s: 422', async (body) => {
    expect(problemOf(await post(body))).toMatchObject({ status: 422 });
    expect(calls).toEqual([]);
  });

  it('T20 no body at all: 400', async () => {
    expect(problemOf(await send(request('POST /open/checked')))).toMatchObject({ status: 400, code: 'malformed_json' });
  });

  it.each([
    '?status[$gt]=', '?status=a&status=b', '?status=queued&status=queued', '?search[$where]=sleep(5000)', '?sort=$natural', '?__proto__[x]=1', '?search=%00', '?limit=abc', '?limit=1000000', '?limit=-1',
    '?constructor=1', '?toString=1', '?status[]=queued', '?search=', `?search=${'x'.repeat(10_000)}`,
  ])('T22 T24 T25 %s: 422', async (query) => {
    expect(problemOf(await send(request(`GET /open/checked${query}`)))).toMatchObject({ status: 422, instance: '/open/checked' });
    expect(calls).toEqual([]);
    expect('x' in {}).toBe(false);
  });

  it('T24 texts that would be code elsewhere are texts', async () => {
    expect((await send(request("GET /open/checked?search=%27%20OR%201%3D1--&limit=5&status=sent"))).status).toBe(200);
    expect(calls).toEqual([{ search: "' OR 1=1--", limit: 5, status: 'sent' }]);
    expect((await post('{"name":"a","tags":["$ne"],"metadata":{"$where":"1","role":"mine"}}')).status).toBe(200);
  });
});

describe('T26 requests with two meanings', () => {
  const hidden = 'GET /open/echo HTTP/1.1\r\nHost: a\r\n\r\n';
  const json = ['POST /open/things HTTP/1.1', 'Host: a', 'Content-Type: application/json'];
  const lines = (...all: string[]): string => all.join('\r\n');
  it.each([
    ['Content-Length and chunked', lines(...json, 'Content-Length: 4', 'Transfer-Encoding: chunked', '', '2\r\n{}\r\n0\r\n\r\n')],
    ['chunked and Content-Length', lines(...json, 'Transfer-Encoding: chunked', 'Content-Length: 4', '', '2\r\n{}\r\n0\r\n\r\n')],
    ['Transfer-Encoding: xchunked', lines(...json, 'Transfer-Encoding: xchunked', '', '2\r\n{}\r\n0\r\n\r\n')],
    ['Transfer-Encoding: gzip, chunked', lines(...json, 'Transfer-Encoding: gzip, chunked', '', '2\r\n{}\r\n0\r\n\r\n')],
    ['Transfer-Encoding: chunked, identity', lines(...json, 'Transfer-Encoding: chunked, identity', '', '2\r\n{}\r\n0\r\n\r\n')],
    ['two Transfer-Encodings', lines(...json, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', '', '2\r\n{}\r\n0\r\n\r\n')],
    ['two lengths', lines(...json, 'Content-Length: 2', 'Content-Length: 4', '', '{}  ')],
    ['two equal lengths', lines(...json, 'Content-Length: 2', 'Content-Length: 2', '', '{}')],
    ['a length with a plus', lines(...json, 'Content-Length: +2', '', '{}')],
    ['bare LF', `${[...json, 'Content-Length: 2', '', '{}'].join('\n')}`],
    ['bare LF after one header', lines('GET /open/echo HTTP/1.1', 'Host: a\nX-A: b', '', '')],
    ['Host with a space', lines('GET /open/echo HTTP/1.1', 'Host : a', '', '')],
    ['a folded header', lines('GET /open/echo HTTP/1.1', 'Host: a', 'X-A: b', ' c', '', '')],
    ['no Host', lines('GET /open/echo HTTP/1.1', '', '')],
    ['two Hosts', lines('GET /open/echo HTTP/1.1', 'Host: a', 'Host: b', '', '')],
    ['two equal Hosts', lines('GET /open/echo HTTP/1.1', 'Host: a', 'HOST: a', '', '')],
    ['two credentials', lines('GET /admin HTTP/1.1', 'Host: a', 'Authorization: Bearer good', 'Authorization: Bearer bad', '', '')],
    ['chunk size 1_0', lines(...json, 'Transfer-Encoding: chunked', '', `1_0\r\n{"a":"123456789"}\r\n0\r\n\r\n${hidden}`)],
    ['chunk size 0x2', lines(...json, 'Transfer-Encoding: chunked', '', '0x2\r\n{}\r\n0\r\n\r\n')],
    ['chunk size with a space', lines(...json, 'Transfer-Encoding: chunked', '', '2 \r\n{}\r\n0\r\n\r\n')],
    ['chunk ended by bare LF', lines(...json, 'Transfer-Encoding: chunked', '', '2\n{}\r\n0\r\n\r\n')],
    ['chunk longer than it says', lines(...json, 'Transfer-Encoding: chunked', '', `2\r\n{}${hidden}\r\n0\r\n\r\n`)],
    ['GET with a body that is a request', lines('GET /open/echo HTTP/1.1', 'Host: a', `Content-Length: ${hidden.length}`, '', hidden)],
    ['GET with a chunk size 1_0', lines('GET /open/echo HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', '', `1_0\r\n${hidden}`)],
    ['HTTP/0.9', 'GET /open/echo\r\n\r\n'],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/1.0 chunked', lines('POST /open/things HTTP/1.0', 'Host: a', 'Content-Type: application/json', 'Transfer-Encoding: chunked', '', '2\r\n{}\r\n0\r\n\r\n')],
    ['a NUL in a header', lines('GET /open/echo HTTP/1.1', 'Host: a', 'X-A: \0', '', '')],
    ['an unknown method', lines('FOO /open/echo HTTP/1.1', 'Host: a', '', '')],
  ])('T26 %s: 400, closed, no handler', async (_, bytes) => {
    const answer = await send(bytes);
    expect(answer.statuses).toEqual([400]);
    problemOf(answer);
    expect(answer.headers['connection']).toBe('close');
    expect(calls).toEqual([]);
    expect(logged).toEqual([]);
  });

  it('T26 two requests, one after the other, are two (so the counter can count)', async () => {
    const answer = await send(`GET /open/echo HTTP/1.1\r\nHost: a\r\n\r\n${request('GET /open/echo')}`);
    expect(answer.statuses).toEqual([200, 200]);
    expect(calls).toEqual(['echo', 'echo']);
  });
});

describe('T28 what the outside sees', () => {
  it('T28 an Error with SQL and a password: 500 with a fixed detail, and it is logged with the request id', async () => {
    const answer = await send(request('GET /open/broken'));
    const body = problemOf(answer);
    expect(body).toMatchObject({ status: 500, code: 'internal' });
    expect(answer.text).not.toMatch(/SELECT|hunter2|at .*\.ts|node_modules/);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatchObject({ requestId: answer.headers['x-request-id'], err: { message: SQL } });
  });

  it('T28 unknown route: 404', async () => {
    expect(problemOf(await send(request('GET /nothing?secret=1')))).toMatchObject({ status: 404, code: 'not_found', instance: '/nothing' });
  });

  it.each([
    ['PUT /open/echo', 'GET, HEAD'],
    ['PATCH /api/v1/things/1', 'DELETE, GET, HEAD'],
    ['OPTIONS /open/things', 'POST'],
    ['PROPFIND /open/things', 'POST'],
  ])('T28 %s: 405 with Allow', async (line, allow) => {
    const answer = await send(request(line));
    expect(problemOf(answer)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(answer.headers['allow']).toBe(allow);
  });

  it.each(['https://evil.example.com', 'null'])('T28 Origin %s: no CORS header', async (origin) => {
    for (const line of ['GET /open/echo', 'OPTIONS /open/things', 'GET /nothing']) {
      const answer = await send(request(line, [`Origin: ${origin}`, 'Access-Control-Request-Method: POST']));
      expect(answer.text.toLowerCase()).not.toContain('access-control-');
    }
  });

  it.each(['GET /open/echo', 'GET /open/broken', 'GET /nothing', 'GET /admin', 'GET /%zz', 'FOO /'])('T28 %s: the security headers', async (line) => {
    const { headers } = await send(request(line));
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" });
    expect(headers['x-request-id']).toMatch(/^test-/);
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers).not.toHaveProperty('x-powered-by');
  });
});
