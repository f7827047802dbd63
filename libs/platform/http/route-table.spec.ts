import { describe, expect, it } from '@jest/globals';
import { takes } from './route-options.js';
import { RouteTable } from './route-table.js';

describe('RouteTable', () => {
  const table = new RouteTable();
  table.add(['GET', 'HEAD'], '/api/v1/messages/:id');
  table.add('POST', '/api/v1/messages/:id/cancel');
  table.add('POST', '/api/v1/messages/batch');
  table.add('GET', '/gateway/gateway.jsp');
  table.add('GET', '/docs/*');

  it.each([
    ['/api/v1/messages/1', ['GET', 'HEAD']],
    ['/api/v1/messages/batch', ['GET', 'HEAD', 'POST']],
    ['/api/v1/messages/1/cancel', ['POST']],
    ['/gateway/gateway.jsp', ['GET']],
    ['/docs/a/b', ['GET']],
    ['/gateway/gatewayXjsp', []],
    ['/API/v1/messages/1', []],
    ['/api/v1/messages/1/', []],
    ['/api/v1/messages/', []],
    ['', []],
  ])('%j takes %j', (path, methods) => expect(table.allowed(path)).toEqual(methods));

  it('lists every route as it was added', () => {
    expect(table.routes).toHaveLength(6);
  });
});

describe('takes', () => {
  it('JSON in UTF-8 and nothing else, unless the route says otherwise', () => {
    expect(takes('application/json; charset=UTF-8', undefined)).toBe(true);
    expect(takes('application/json; charset=utf-16', undefined)).toBe(false);
    expect(takes('application/json; charset=utf-8; charset=utf-16', undefined)).toBe(false);
    expect(takes('application/jsonp', undefined)).toBe(false);
    expect(takes('Multipart/Form-Data; boundary=x', ['multipart/form-data'])).toBe(true);
    expect(takes('application/json', ['multipart/form-data'])).toBe(false);
    expect(takes('application/json; charset=utf-16', ['application/json'])).toBe(false);
  });
});
