/** A place that the operator opened, at start: one host (name or address, without brackets) and one port. */
export interface AllowedPlace {
  host: string;
  port: number;
}

/** The host as addresses and names are compared here: lower case, no brackets, no trailing dot. */
export const plainHost = (hostname: string): string =>
  (hostname.startsWith('[') ? hostname.slice(1, -1) : hostname).toLowerCase().replace(/\.$/, '');

const PLACE = /^(\[[0-9a-f:.]+\]|[^\s:/@?#[\]\\]+):(\d{1,5})$/i;

function parsePlace(text: string): AllowedPlace | string {
  const [, host, digits] = PLACE.exec(text) ?? [];
  if (host === undefined || digits === undefined) return `"${text}" is not host:port (an IPv6 address stands in brackets: [::1]:5555)`;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return `"${text}": a port is a number from 1 to 65535`;
  // The address parser of URLs turns 127.1 and 0x7f.1 into 127.0.0.1, so that what is listed and what is called compare equal.
  const url = `http://${host}:${port}/`;
  return URL.canParse(url) ? { host: plainHost(new URL(url).hostname), port } : `"${text}": "${host}" is neither a name nor an address`;
}

/**
 * `host:port,host:port` → places. Spaces around commas do not matter, '' is none.
 * Throws one Error whose message names every wrong entry.
 */
export function parseAllow(text: string): AllowedPlace[] {
  const parsed = text.split(',').map((entry) => entry.trim()).filter((entry) => entry !== '').map(parsePlace);
  const wrong = parsed.filter((place) => typeof place === 'string');
  if (wrong.length > 0) throw new Error(`allowed outbound addresses: ${wrong.join('; ')}`);
  return parsed.filter((place) => typeof place !== 'string');
}
