import { proxyRange, type ProxyRange } from '../http/trusted-proxies.js';

/** The forms that a setting's text may take: how a page describes it, and how it is read. Text that does not fit gives `undefined`. */
export interface Form<T> {
  /** the allowed form, as a person reads it: ends "must be …" */
  readonly form: string;
  parse(text: string): T | undefined;
}

/** A host and port that outbound calls may reach though its address is a private one. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const digits = (text: string, min: number, max: number): number | undefined => {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
};

/** Commas part a list, spaces beside them do not matter; an empty entry is a slip, so it is refused. */
const list = <T>(one: Form<T>, text: string): readonly T[] | undefined => {
  const parsed = text.split(',').map((part) => one.parse(part.trim()));
  return parsed.includes(undefined) ? undefined : Object.freeze(parsed as T[]);
};

const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const IPV6 = /^\[?[0-9a-f:.]*:[0-9a-f:.]*\]?$/i;

export const integer = (min: number, max: number): Form<number> => ({
  form: `a whole number from ${min} to ${max}`,
  parse: (text) => digits(text, min, max),
});

export const port: Form<number> = { form: 'a port from 1 to 65535, or 0', parse: (text) => digits(text, 0, 65_535) };

export const ports: Form<readonly number[]> = {
  form: 'ports from 0 to 65535 with commas between them, each one once, such as 8000,3570',
  parse: (text) => {
    const all = list(port, text);
    const named = all?.filter((p) => p !== 0);
    return named && new Set(named).size === named.length ? all : undefined;
  },
};

export const host: Form<string> = {
  form: 'a host name or an IP address',
  parse: (text) => {
    if (!HOST.test(text) && !IPV6.test(text)) return undefined;
    // the address parser of URLs makes 127.0.0.1 of 127.1 and 0x7f.1, so that what is set here and what is called compare equal
    const url = URL.parse(`http://${text.includes(':') ? `[${text.replace(/^\[|\]$/g, '')}]` : text}/`);
    return url?.hostname.replace(/^\[|\]$/g, '');
  },
};

export const hosts: Form<readonly string[]> = {
  form: 'host names or IP addresses without ports, with commas between them',
  parse: (text) => list(host, text),
};

export const hostPort: Form<HostPort> = {
  form: 'host:port, such as 192.0.2.10:8080 or [2001:db8::1]:443',
  parse: (text) => {
    const [, name = '', number = ''] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(text) ?? [];
    const [h, p] = [host.parse(name), digits(number, 1, 65_535)];
    return h === undefined || p === undefined ? undefined : Object.freeze({ host: h, port: p });
  },
};

export const hostPorts: Form<readonly HostPort[]> = {
  form: 'host:port with commas between them, such as 192.0.2.10:8080,[2001:db8::1]:443',
  parse: (text) => list(hostPort, text),
};

const proxy: Form<ProxyRange> = { form: '', parse: proxyRange };
export const proxies: Form<readonly ProxyRange[]> = {
  form: 'addresses or ranges with commas between them, such as 192.0.2.10,10.0.0.0/8 (no host names, no IPv4 written as IPv6)',
  parse: (text) => list(proxy, text),
};

/** The same, kept as text: a driver reads it. */
export const brokers: Form<string> = {
  form: 'host:port with commas between them, such as kafka-1:9092,kafka-2:9092',
  parse: (text) => (hostPorts.parse(text) ? text.replaceAll(' ', '') : undefined),
};

const connectionString = (form: string, start: RegExp): Form<string> => ({ form, parse: (text) => (start.test(text) ? text : undefined) });
export const eventStoreUrl = connectionString('a connection string that begins with esdb:// or esdb+discover://', /^(esdb|kurrentdb)(\+discover)?:\/\/\S+$/);
export const mongoUrl = connectionString('a connection string that begins with mongodb:// or mongodb+srv://', /^mongodb(\+srv)?:\/\/\S+$/);

export const choice = <const T extends string>(...values: T[]): Form<T> => ({
  form: values.length < 2 ? `${values[0]}` : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
  parse: (text) => values.find((value) => value === text),
});

export const path: Form<string> = {
  form: 'a path; a relative one counts from the folder that the program was started in',
  parse: (text) => (text.includes('\0') ? undefined : text),
};

export const httpUrl: Form<string> = {
  form: 'an http:// or https:// address without user name, password or fragment',
  parse: (text) => {
    const url = /^https?:\/\/\S+$/i.test(text) ? URL.parse(text) : null;
    return url && !url.username && !url.password && !url.hash ? url.href : undefined;
  },
};

export const e164: Form<string> = {
  form: 'an E.164 number: plus sign, country code and number, digits only, such as +1234567890',
  parse: (text) => (/^\+[1-9]\d{1,14}$/.test(text) ? text : undefined),
};

export const name: Form<string> = {
  form: '1 to 30 of a-z, 0-9, underscore and hyphen, beginning with a letter',
  parse: (text) => (/^[a-z][a-z0-9_-]{0,29}$/.test(text) ? text : undefined),
};

export const word: Form<string> = {
  form: '1 to 100 printable characters',
  parse: (text) => (/^[\x20-\x7e]{1,100}$/.test(text) ? text : undefined),
};

/** What stands in manuals and examples, so that everybody has it: `your-secret-key-here`, `change-me…`, `<generate-strong-random-key>`. */
const SAMPLE = /^(your|change|replace|example|secret|<)/i;
/** Never shown, not even where it is wrong. Of 32 random hexadecimal digits one text in 60 has fewer than 12 different ones, and one in 370,000 fewer than 9. */
export const secretKey: Form<string> = {
  form: '32 to 1,024 printable characters, 9 different ones among them, and no sample out of a manual: make one with `openssl rand -base64 32`',
  parse: (text) => (/^[\x20-\x7e]{32,1024}$/.test(text) && new Set(text).size >= 9 && !SAMPLE.test(text) ? text : undefined),
};

/** Never shown, not even where it is wrong. */
export const password: Form<string> = {
  form: '8 to 128 characters, none of them a control character',
  parse: (text) => (/^\P{Cc}{8,128}$/u.test(text) ? text : undefined),
};
