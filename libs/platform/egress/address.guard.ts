import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { plainHost, type AllowedPlace } from './allow.js';

/** What the operator decided, read at start and never changed by an API. */
export interface AddressRules {
  /** places opened although they are private, on an odd port, or spoken to in plain http in production */
  allow: readonly AllowedPlace[];
  /** in production, http only to what is allowed */
  production: boolean;
  /** where this installation itself is reached: never called, so that nothing loops */
  own?: readonly AllowedPlace[];
}

/** A URL that passed: where a call of it goes. */
export interface Destination {
  protocol: 'http:' | 'https:' | 'smtp:';
  /** name or address, without brackets */
  host: string;
  port: number;
  /** what is sent as path, with the query */
  path: string;
  /** `protocol//host:port`: the unit that shares connections */
  origin: string;
  /** the host is an address: nothing is to be looked up */
  literal: boolean;
}

export interface AddressGuard {
  /** Where a URL leads, or in a few words why it may not be called. Looks nothing up. */
  url(raw: string): { ok: true; destination: Destination } | { ok: false; reason: string };
  /** The same for a mail server. Its TLS is agreed on the line itself. */
  mailServer(host: string, port: number): { ok: true; destination: Destination } | { ok: false; reason: string };
  /** Why an address that a host stands for may not be connected to; null when it may. */
  address(address: string, to: Pick<Destination, 'host' | 'port'>): string | null;
}

const MAX_URL = 2_048;
/** What a URL is written with: no spaces, control characters (the parser drops line breaks in silence) or backslashes. */
// oxlint-disable-next-line no-control-regex
const PLAIN_URL = /^[^\u0000-\u0020\u007f\\]+$/;

/** Ports from 1024 on where something else than a web service is known to listen. Below 1024 only 80 and 443 are open. */
const ODD_PORTS = new Set([
  1080, 1433, 1434, 1521, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 3659, 4045, 4190, 4369, 5060, 5061, 5432, 5672, 5900, 5984,
  5985, 5986, 6000, 6379, 6380, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 7000, 7001, 7199, 7687, 8086, 8300, 8500, 8600, 9042, 9092,
  9200, 9300, 10080, 10250, 10255, 11211, 15672, 26379, 27017, 27018, 27019, 50000,
]);
const oddPort = (port: number): boolean => (port < 1024 ? port !== 80 && port !== 443 : ODD_PORTS.has(port));

/** Where mail servers take mail from those who send it. */
const MAIL_PORTS = new Set([25, 465, 587, 2525]);

/** Forms that hide another address, and addresses of many or of none: not even the operator opens these. */
const NEVER = new Set(['ipv4Mapped', 'rfc6145', 'rfc6052', '6to4', 'teredo', 'multicast', 'broadcast', 'unspecified']);
/** What an allowed name may stand for; all else that is not global takes its address in the list. */
const INSIDE = new Set(['loopback', 'private', 'uniqueLocal']);

const GLOBAL_V6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];
/** What kind of address it is; `unicast` only for the global ones. */
function kindOf(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  const range = address.range();
  if (range !== 'unicast' || address.kind() === 'ipv4') return range;
  return (address as ipaddr.IPv6).match(GLOBAL_V6) ? 'unicast' : 'reserved';
}

const key = (host: string, port: number): string => `${host}|${port}`;

/** One guard for every outbound call, deny by default: global unicast addresses, and what the operator listed. */
export function addressGuard(rules: AddressRules): AddressGuard {
  const allowed = new Set(rules.allow.map((place) => key(plainHost(place.host), place.port)));
  const own = new Set((rules.own ?? []).map((place) => key(plainHost(place.host), place.port)));

  const address: AddressGuard['address'] = (text, to) => {
    if (isIP(text) === 0 || !ipaddr.isValid(text)) return 'not an address';
    const parsed = ipaddr.parse(text);
    const kind = kindOf(parsed);
    const listed = key(parsed.toString(), to.port);
    if (own.has(listed)) return 'it is this installation itself';
    if (NEVER.has(kind)) return `${kind} addresses are never called`;
    if (kind === 'unicast' || allowed.has(listed)) return null;
    if (INSIDE.has(kind) && allowed.has(key(to.host, to.port))) return null;
    return `${kind} addresses are called only when host and port are allowed`;
  };

  /** Why nobody may connect there, as far as it is written; null when he may. */
  const place = (host: string, port: number, literal: boolean, odd: boolean): string | null => {
    const listed = allowed.has(key(host, port));
    if (own.has(key(host, port))) return 'it is this installation itself';
    if (odd && !listed) return `port ${port} is called only when host and port are allowed`;
    if (!literal && !listed && /(^|\.)localhost$/.test(host)) return 'loopback addresses are called only when host and port are allowed';
    return literal ? address(host, { host, port }) : null;
  };

  const url: AddressGuard['url'] = (raw) => {
    const no = (reason: string) => ({ ok: false as const, reason });
    if (raw.length > MAX_URL) return no(`a URL is at most ${MAX_URL} characters`);
    if (!PLAIN_URL.test(raw) || !URL.canParse(raw)) return no('not a URL');
    const parsed = new URL(raw);
    const { protocol } = parsed;
    if (protocol !== 'https:' && protocol !== 'http:') return no('only http and https are called');
    if (parsed.username !== '' || parsed.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(raw)) return no('a URL carries no credentials');
    if (raw.includes('#')) return no('a URL to call has no fragment');
    const host = plainHost(parsed.hostname);
    const port = parsed.port === '' ? (protocol === 'https:' ? 443 : 80) : Number(parsed.port);
    if (host === '') return no('not a URL');
    if (protocol === 'http:' && rules.production && !allowed.has(key(host, port))) return no('in production, http only where host and port are allowed');
    const literal = isIP(host) !== 0;
    const reason = place(host, port, literal, oddPort(port));
    if (reason !== null) return no(reason);
    return { ok: true, destination: { protocol, host, port, path: parsed.pathname + parsed.search, origin: parsed.origin, literal } };
  };

  const mailServer: AddressGuard['mailServer'] = (written, asked) => {
    const no = (reason: string) => ({ ok: false as const, reason });
    // the address parser of URLs makes one form of the many that an address can be written in
    const parsed = URL.parse(`http://${written.includes(':') && !written.startsWith('[') ? `[${written}]` : written}/`);
    const host = plainHost(parsed?.hostname ?? '');
    if (host === '' || !PLAIN_URL.test(written) || /[/?#@]/.test(written) || parsed?.port !== '') return no('not a host');
    if (!Number.isInteger(asked) || asked < 1 || asked > 65_535) return no('not a port');
    const literal = isIP(host) !== 0;
    const reason = place(host, asked, literal, !MAIL_PORTS.has(asked));
    if (reason !== null) return no(reason);
    return { ok: true, destination: { protocol: 'smtp:', host, port: asked, path: '', origin: `smtp://${host.includes(':') ? `[${host}]` : host}:${asked}`, literal } };
  };

  return { url, mailServer, address };
}
