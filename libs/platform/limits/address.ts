import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

const known = new LRUCache<string, string>({ max: 10_000 });

/** One name for everybody who shares this address: an IPv4 address as it is (also when mapped into IPv6), an IPv6 address by its /64. */
export function addressKey(address: string): string {
  let key = known.get(address);
  if (key === undefined) {
    key = keyOf(address);
    known.set(address, key);
  }
  return key;
}

function keyOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts.slice(0, 4).map((part) => part.toString(16)).join(':')}::/64`;
}
