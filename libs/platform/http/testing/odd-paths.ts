import type { Route } from '../route-table.js';

/** A request line that means a known route to a careless reader. */
export interface OddRequest {
  name: string;
  method: string;
  target: string;
  headers: string[];
}

/** T18: for every route, the ways to write its address that have stepped round somebody's check before. None may reach a handler without a credential. */
export function oddRequests(routes: readonly Route[]): OddRequest[] {
  return routes.flatMap(({ method, url }) => {
    const path = url.replace(/:[A-Za-z0-9_]+/g, 'x1').replaceAll('*', 'x1');
    const long = url.replace(/:[A-Za-z0-9_]+/g, 'x'.repeat(101));
    const [, first = '', ...rest] = path.split('/');
    const tail = rest.map((part) => `/${part}`).join('');
    const written: [string, string, string?, string[]?][] = [
      ['as it is', path],
      ['upper case', path.toUpperCase()],
      ['two slashes first', `/${path}`],
      ['slash at the end', `${path}/`],
      ['two slashes at the end', `${path}//`],
      ['an encoded letter', `/%${first.charCodeAt(0).toString(16).padStart(2, '0')}${first.slice(1)}${tail}`],
      ['an encoded slash', `/${first}${tail === '' ? '%2F' : tail.replace('/', '%2F')}`],
      ['a parameter with an encoded way up', `${path}/x%2F..%2Fadmin`],
      ['a dot', `/${first}/.${tail}`],
      ['a way up', `/foo/..${path}`],
      ['an encoded way up', `/foo/%2e%2e${path}`],
      ['a semicolon', `${path};x=1`],
      ['a semicolon inside', `/${first};x=1${tail}`],
      ['a backslash', path.replaceAll('/', '\\')],
      ['absolute form', `http://example.com${path}`],
      ['absolute form without a path', 'http://example.com'],
      ['absolute form, other scheme', `ftp://example.com${path}`],
      ['a tab', `${path}%09`],
      ['a NUL', `${path}%00`],
      ['half an escape', `${path}%`],
      ['an escape of nothing', `${path}%zz`],
      ['invalid UTF-8', `${path}%ff`],
      ['a question mark encoded', `${path}%3f`],
      ['HEAD', path, 'HEAD'],
      ['OPTIONS', path, 'OPTIONS'],
      ['an unknown method', path, 'PROPFIND'],
      ['a method override', path, 'POST', ['X-HTTP-Method-Override: DELETE']],
      ['a method override in the query', `${path}?_method=DELETE`],
      ...(long === url ? [] : [['a parameter of 101 characters', long] as [string, string]]),
    ];
    return written.map(([name, target, verb = method, headers = []]) => ({ name: `${method} ${url}, ${name}`, method: verb, target, headers }));
  });
}
