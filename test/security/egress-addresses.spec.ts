import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { addressGuard } from '#libs/platform/egress/address.guard';
import { parseAllow } from '#libs/platform/egress/allow';
import { createEgress } from '#libs/platform/egress/egress.client';
import { KeptEgress } from '#libs/platform/egress/recorder';

const T60 = [
  'https://127.0.0.1/', 'https://2130706433/', 'https://017700000001/', 'https://0x7f.1/', 'https://127.1/', 'https://0/', 'https://①②⑦.⓪.⓪.①/',
  'https://169.254.169.254/', 'https://0xA9FEA9FE/', 'https://[::1]/', 'https://[::]/', 'https://[::ffff:169.254.169.254]/', 'https://[64:ff9b::a9fe:a9fe]/',
  'https://[2002:7f00:1::]/', 'https://[fe80::1]/', 'https://[fd00::1]/', 'https://10.0.0.5/', 'https://172.16.0.1/', 'https://192.168.0.1/',
  'https://100.64.0.1/', 'https://224.0.0.1/', 'https://255.255.255.255/', 'https://localhost./',
  // more of the same kind
  'https://[::127.0.0.1]/', 'https://[64:ff9b:1::a00:5]/', 'https://[::ffff:0:127.0.0.1]/', 'https://[2001:0:1::]/', 'https://[2001:db8::1]/', 'https://[3fff::1]/',
  'https://[5f00::1]/', 'https://[fec0::1]/', 'https://[4000::1]/', 'https://192.0.2.10/', 'https://198.18.0.1/', 'https://240.0.0.1/', 'https://192.0.0.1/',
  'https://a.localhost/', 'https://LOCALHOST/',
];
const T62 = [
  'http://example.com/', 'ftp://example.com/', 'file:///x', 'https://user:pw@example.com/', 'https://@example.com/', 'https://example.com:22/', 'https://example.com:25/', 'https://example.com:6379/',
  `https://example.com/${'a'.repeat(2_049 - 'https://example.com/'.length)}`, 'https://exa\nmple.com/', 'https://example.com/#x', 'https://example.com/#', 'https://hub.example.org/in',
  'https:\\\\example.com\\', ' https://example.com/', 'https://exa mple.com/', 'https://', 'example.com', '', 'javascript:alert(1)', 'https://example.com:65536/',
];
const rules = { allow: [], production: true, own: [{ host: 'hub.example.org', port: 443 }] };

describe('T60 and T62: what may be called', () => {
  it.each([...T60, ...T62])('T60 T62 %j is refused, and nothing leaves', async (url) => {
    const recorder = new KeptEgress();
    const egress = createEgress({ ...rules, recorder, resolve: async () => ['127.0.0.1'] });
    expect(egress.guard.url(url)).toEqual({ ok: false, reason: expect.any(String) });
    const result = await egress.request({ url, method: 'POST', headers: {}, body: 'x', deadlineMs: 5_000 });
    expect(result).toMatchObject({ ok: false, problem: 'address_not_allowed', sent: false });
    expect([recorder.lookups, recorder.connects]).toEqual([[], []]);
    await egress.close();
  });

  it.each(['https://example.com/', 'https://example.com:8443/a?b=c', 'https://93.184.215.14/', 'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/', 'https://example.com:443/', `https://example.com/${'a'.repeat(2_000)}`])('T60 %s passes', (url) => {
    expect(addressGuard(rules).url(url)).toMatchObject({ ok: true });
  });

  it('T60 no IPv4 address outside the global ones passes in any of its IPv6 disguises', () => {
    const guard = addressGuard({ allow: [], production: true });
    const hidden = (v4: number): string[] => {
      const [high, low] = [(v4 >>> 16).toString(16), (v4 & 0xffff).toString(16)];
      return [`::ffff:${high}:${low}`, `64:ff9b::${high}:${low}`, `64:ff9b:1::${high}:${low}`, `2002:${high}:${low}::`, `::${high}:${low}`, `::ffff:0:${high}:${low}`, `2001:0:${high}:${low}::`];
    };
    fc.assert(fc.property(fc.nat(0xffff_ffff), (v4) => {
      for (const address of hidden(v4)) expect(guard.address(address, { host: 'example.com', port: 443 })).not.toBeNull();
      const text = [24, 16, 8, 0].map((bits) => (v4 >>> bits) & 255).join('.');
      expect(guard.address(text, { host: 'example.com', port: 443 }) === null).toBe(ipaddr.IPv4.parse(text).range() === 'unicast');
    }));
  });

  it('T60 T62 what the operator lists is open: that host and port only', () => {
    const guard = addressGuard({ allow: parseAllow('127.0.0.1:5555, inside.example.com:8080,[::1]:5555, [::ffff:127.0.0.1]:5555, 192.0.2.10:443, redis.example.com:6379'), production: true });
    for (const url of ['http://127.0.0.1:5555/x', 'http://127.1:5555/', 'http://[::1]:5555/', 'http://inside.example.com:8080/', 'https://INSIDE.example.com.:8080/', 'https://192.0.2.10/', 'https://redis.example.com:6379/']) {
      expect([url, guard.url(url).ok]).toEqual([url, true]);
    }
    for (const url of ['http://127.0.0.1:5556/', 'http://127.0.0.2:5555/', 'https://inside.example.com:6379/', 'http://inside.example.com/', 'http://[::ffff:127.0.0.1]:5555/', 'http://localhost:5555/']) {
      expect([url, guard.url(url).ok]).toEqual([url, false]);
    }
    const inside = { host: 'inside.example.com', port: 8080 };
    expect(['10.0.0.5', '127.0.0.1', 'fd00::1', '93.184.215.14'].map((address) => guard.address(address, inside))).toEqual([null, null, null, null]);
    // An allowed name may stand for an inside address, not for the host's metadata or for everybody.
    for (const address of ['169.254.169.254', 'fe80::1', '0.0.0.0', '224.0.0.1', '::ffff:10.0.0.5', '192.0.2.10', '100.64.0.1', '10.0.0.5\u0000', '']) expect([address, guard.address(address, inside)]).toEqual([address, expect.any(String)]);
    expect(guard.address('10.0.0.5', { host: 'inside.example.com', port: 8081 })).not.toBeNull();
  });

  it('T66 a list of allowed places is read whole or not at all', () => {
    expect(parseAllow('')).toEqual([]);
    expect(parseAllow(' Gateway.Example.com:80 ,[::1]:1,0x7f.1:5555')).toEqual([{ host: 'gateway.example.com', port: 80 }, { host: '::1', port: 1 }, { host: '127.0.0.1', port: 5555 }]);
    expect(() => parseAllow('a:1,b,c:0,d:65536,::1:5,http://e:1,1.2.3.999:5')).toThrow(/"b" is not host:port.*"c:0".*"d:65536".*"::1:5".*"http:\/\/e:1".*"1\.2\.3\.999" is neither/);
  });
});
