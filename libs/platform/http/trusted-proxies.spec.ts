import { describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '../configuration/configuration.js';
import { proxyRange, trusts } from './trusted-proxies.js';

describe('T06 trusted proxies', () => {
  it.each(['::ffff:192.0.2.0/24', '::ffff:192.0.2.0/120', '::ffff:c000:200/24', '0.0.0.0/0', '::/0', '10.0.0.0/7', '192.0.2.1/33', '192.0.2', '0x7f.1', '3232235777', '192.0.2.1/', '192.0.2.1/24/8', 'proxy.example.com', '', '*', 'true', 'loopback', '1'])('%s ends the start', (text) => {
    expect(proxyRange(text)).toBeUndefined();
    if (text !== '') expect(() => parseConfiguration({ TRUSTED_PROXIES: text })).toThrow('TRUSTED_PROXIES must be');
  });
  it('one wrong among right ones ends the start', () => expect(() => parseConfiguration({ TRUSTED_PROXIES: '10.0.0.1, ::ffff:192.0.2.0/24' })).toThrow('TRUSTED_PROXIES'));
  it('none unless they are named', () => expect(parseConfiguration({}).trustedProxies).toBeNull());
  it.each([
    ['192.0.2.10', '192.0.2.10', true], ['192.0.2.10', '192.0.2.11', false], ['192.0.2.10', '::ffff:192.0.2.10', true], ['10.0.0.0/8', '10.1.2.3', true], ['10.0.0.0/8', '11.0.0.0', false],
    ['2001:db8::/32', '2001:db8::1', true], ['2001:db8::/32', '10.0.0.1', false], ['10.0.0.0/8', 'unknown', false], ['10.0.0.0/8', '', false],
  ])('%s trusts %s: %p', (range, address, believed) => expect(trusts([proxyRange(range)!])(address)).toBe(believed));
});
