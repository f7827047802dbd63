import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { proxyRange, trusts, type ProxyRange } from '#libs/platform/http/trusted-proxies';
import { noticeUnnamedProxy } from './unnamed-proxy.js';

/** How often it was said, for these requests one after the other. */
async function said(proxies: readonly string[], requests: readonly { from: string; headers?: Record<string, string> }[]): Promise<number> {
  let times = 0;
  const app = fastify();
  noticeUnnamedProxy(app, trusts(proxies.map((text): ProxyRange => proxyRange(text)!)), () => { times++; });
  app.get('/', () => 'here');
  for (const { from, headers = { 'x-forwarded-for': '198.51.100.1' } } of requests) expect((await app.inject({ url: '/', remoteAddress: from, headers })).statusCode).toBe(200);
  await app.close();
  return times;
}

describe('a proxy on this machine', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('that nobody named is told of once: %s', async (from) => expect(await said([], [{ from }, { from }, { from }])).toBe(1));
  it('is told of where others were named', async () => expect(await said(['192.0.2.1'], [{ from: '127.0.0.1' }])).toBe(1));
  it('that was named is as it should be', async () => expect(await said(['127.0.0.1'], [{ from: '127.0.0.1' }])).toBe(0));
  it('is none where nothing is said of others, nor one elsewhere', async () => expect(await said([], [{ from: '127.0.0.1', headers: {} }, { from: '192.0.2.1' }])).toBe(0));
});
