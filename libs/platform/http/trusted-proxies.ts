import ipaddr from 'ipaddr.js';

export type ProxyRange = readonly [network: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

/** Ranges of so many addresses are no proxies of somebody's own. */
const WIDEST = { ipv4: 8, ipv6: 16 } as const;

/**
 * `192.0.2.10`, `10.0.0.0/8` or `2001:db8::/32` → a range; undefined for what is none. A mapped address (`::ffff:192.0.2.0/24`) is
 * none: its prefix counts bits of IPv6, so that 24 of them would trust everybody.
 */
export function proxyRange(text: string): ProxyRange | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || !/^[0-9a-f.:]+$/i.test(address) || !ipaddr.isValid(address) || (!address.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(address))) return undefined;
  const network = ipaddr.parse(address), kind = network.kind(), most = kind === 'ipv4' ? 32 : 128;
  if (network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress()) return undefined;
  const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  return length >= WIDEST[kind] && length <= most ? [network, length] : undefined;
}

/** Whether what an address says of whom it speaks for (`X-Forwarded-For`, `X-Forwarded-Proto`) is believed. */
export function trusts(ranges: readonly ProxyRange[]): (address: string) => boolean {
  return (text) => {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  };
}
