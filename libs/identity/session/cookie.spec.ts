import { beforeAll, describe, expect, it } from '@jest/globals';
import { clearCookie, Cookies, sessionCookies, setCookie } from './cookie.js';
import { crossSite, ownOrigins } from './cross-site.js';
import { fixedKeys } from './testing/fixed-keys.js';

const START = Date.parse('2030-01-01T00:00:00.000Z');
let cookies: Cookies, other: Cookies, now = START;
const options = { now: () => new Date(now), limits: () => ({ idleMinutes: 30, hours: 12 }) };
beforeAll(async () => {
  cookies = new Cookies({ keys: await fixedKeys(), ...options });
  other = new Cookies({ keys: await fixedKeys(undefined, 'another secret'), ...options });
});
const at = (seconds: number): void => { now = START + seconds * 1000; };
const first = (): string => { at(0); return cookies.issue('ses_0190b5a8', new Date(START).toISOString()); };

describe('T09 the cookie', () => {
  it('counts for half an hour without a request', () => {
    const text = first();
    expect(cookies.read(text)).toEqual({ session: 'ses_0190b5a8', started: START / 1000, seen: START / 1000 });
    at(1_800);
    expect(cookies.read(text)).not.toBeNull();
    at(1_801);
    expect(cookies.read(text)).toBeNull();
  });
  it('is rolled while it is used, and ends after 12 h in any case', () => {
    let text = first();
    expect(cookies.rolled(cookies.read(text)!)).toBeNull();
    let seconds = 0;
    for (; seconds < 12 * 3_600 - 1_200; seconds += 1_200) {
      at(seconds + 1_200);
      text = cookies.rolled(cookies.read(text)!)!;
    }
    at(12 * 3_600);
    expect(cookies.read(text)).not.toBeNull();
    at(12 * 3_600 + 1);
    expect(cookies.read(text)).toBeNull();
  });
  it.each([
    ['another session', (t: string) => t.replace('ses_0190b5a8', 'ses_0190b5a9')],
    ['a later start', (t: string) => t.replace(/\.[0-9a-z]+\./, '.zzzzzz.')],
    ['another MAC', (t: string) => t.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))],
    ['a key that is not there', (t: string) => t.replace(/\.k[0-9a-f]{16}\./, '.k00000000000000ff.')],
    ['nothing', () => ''],
    ['something chosen before the login', () => 'ses_chosen.t0.t0.k00000000000000a1.'.padEnd(80, 'A')],
    ['more behind', (t: string) => `${t}.x`],
  ])('with %s names nobody', (_, altered) => expect(cookies.read(altered(first()))).toBeNull());
  it('of another installation names nobody', () => { at(0); expect(cookies.read(other.issue('ses_0190b5a8', new Date(START).toISOString()))).toBeNull(); });
  it('is HttpOnly and SameSite=Lax; over TLS also __Host- and Secure', () => {
    expect(setCookie('x', false)).toBe('sid=x; Path=/; HttpOnly; SameSite=Lax');
    expect(setCookie('x', true)).toBe('__Host-sid=x; Path=/; HttpOnly; SameSite=Lax; Secure');
    expect(clearCookie(true)).toBe('__Host-sid=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0');
  });
  it('is found among others, each time that it is there; over TLS only the guarded one', () => {
    expect(sessionCookies('a=b; sid=one;sid=two; xsid=three', false)).toEqual(['one', 'two']);
    expect(sessionCookies('sid=planted; __Host-sid=own', true)).toEqual(['own']);
    expect(sessionCookies(undefined, true)).toEqual([]);
  });
});

describe('T09 a request from elsewhere', () => {
  const own = ownOrigins({ host: 'heliograph.example:8000', secure: false, publicUrl: 'https://heliograph.example/base' });
  it('own origins are those of the line and of the public URL', () => expect(own).toEqual(['http://heliograph.example:8000', 'https://heliograph.example']));
  it.each([
    [{ 'sec-fetch-site': 'cross-site' }, true], [{ 'sec-fetch-site': 'same-site' }, true], [{ 'sec-fetch-site': 'same-origin' }, false], [{ 'sec-fetch-site': 'none' }, false],
    [{ origin: 'https://evil.example.com' }, true], [{ origin: 'null' }, true], [{ origin: 'http://heliograph.example:8000' }, false], [{ origin: 'https://heliograph.example' }, false],
    [{ origin: 'http://heliograph.example' }, true], [{ origin: ['https://heliograph.example', 'https://evil.example.com'] }, true],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://evil.example.com' }, true], [{ 'sec-fetch-site': 'cross-site', origin: 'https://heliograph.example' }, true], [{}, false],
  ] as const)('%j: %p', (headers, elsewhere) => expect(crossSite(headers as never, own)).toBe(elsewhere));
});
