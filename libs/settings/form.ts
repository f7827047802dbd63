import ipaddr from 'ipaddr.js';
import type { JsonSchema } from '#libs/platform/validation/decorators';

/** What a setting may be: in words, as a JSON Schema, as a check, and how it is read from one line of text. Pure. */
export interface Form<T> {
  /** ends the sentence "must be …" */
  readonly allowed: string;
  /** lets in at least what `accepts` takes: what no schema can say, only `accepts` refuses */
  readonly schema: JsonSchema;
  accepts(value: unknown): boolean;
  /** a command line's text as the value it means; what is none stays text, and is refused as such */
  read(text: string): unknown;
  /** carries the type only */
  readonly value?: T;
}

const plain = (text: string): unknown => text;
/** Line breaks in a name or an address would begin another header in a mail. */
const PRINTABLE = String.raw`^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$`;

export const integer = (min: number, max: number): Form<number> => ({
  allowed: `a whole number from ${min} to ${max}`,
  schema: { type: 'integer', minimum: min, maximum: max },
  accepts: (v) => Number.isInteger(v) && (v as number) >= min && (v as number) <= max,
  read: (text) => (/^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : text),
});

export const yesOrNo: Form<boolean> = {
  allowed: 'true or false',
  schema: { type: 'boolean' },
  accepts: (v) => typeof v === 'boolean',
  read: (text) => (text === 'true' ? true : text === 'false' ? false : text),
};

export const choice = <const T extends string>(...values: T[]): Form<T> => ({
  allowed: values.length === 1 ? `${values[0]}` : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
  schema: { type: 'string', enum: values },
  accepts: (v) => (values as unknown[]).includes(v),
  read: plain,
});

/** A text of one line; `good` says more than the pattern can. */
const text = (allowed: string, min: number, max: number, pattern = PRINTABLE, good: (text: string) => boolean = () => true): Form<string> => {
  const matches = new RegExp(pattern, 'u');
  return {
    allowed,
    schema: { type: 'string', minLength: min, maxLength: max, pattern },
    accepts: (v) => typeof v === 'string' && v.length >= min && v.length <= max && matches.test(v) && good(v),
    read: plain,
  };
};

export const line = (max: number): Form<string> => text(`a text of 1 to ${max} characters, in one line`, 1, max);
export const secretLine: Form<string> = text('a text of 1 to 500 characters, in one line', 1, 500);

const HOST = String.raw`^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$`;
/** Only one spelling of an address: 127.1 and 0x7f.1 would be 127.0.0.1 to a resolver, and pass for a name here. */
const oneSpelling = (host: string): boolean => host.includes(':') ? ipaddr.IPv6.isValid(host) : URL.parse(`http://${host}/`)?.hostname === host.toLowerCase();
export const host: Form<string> = text('a host name or an IP address, without a port', 1, 253, HOST, oneSpelling);

export const httpUrl: Form<string> = text('an http:// or https:// address without user name, password or fragment', 1, 2_000, String.raw`^[Hh][Tt][Tt][Pp][Ss]?://[^\s\\@#\u0000-\u0020\u007f-\u009f]+$`, (v) => {
  const url = URL.parse(v);
  return url !== null && url.username === '' && url.password === '' && url.hash === '';
});

const EMAIL = String.raw`^[A-Za-z0-9.!#$%&'*+/=?^_\u0060{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$`;
export const email: Form<string> = text('an e-mail address', 3, 254, EMAIL);
export const phone: Form<string> = text('an E.164 number: plus sign, country code and number, digits only, such as +1234567890', 3, 16, String.raw`^\+[1-9][0-9]{1,14}$`);
export const word: Form<string> = text('1 to 100 printable ASCII characters', 1, 100, String.raw`^[\u0020-\u007e]+$`);
export const chat: Form<string> = text('a chat id such as -1001234567890, or a channel such as @operations', 1, 33, String.raw`^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{4,31})$`);

const many = (one: Form<string>, most: number, allowed: string): Form<readonly string[]> => ({
  allowed: `a list of up to ${most} ${allowed}, each one once`,
  schema: { type: 'array', items: one.schema, maxItems: most, uniqueItems: true },
  accepts: (v) => Array.isArray(v) && v.length <= most && new Set(v).size === v.length && v.every((item) => one.accepts(item)),
  read: (all) => (all.trim() === '' ? [] : all.split(',').map((part) => part.trim())),
});

export const emails: Form<readonly string[]> = many(email, 100, 'e-mail addresses');
export const eventNames: Form<readonly string[]> = many(text('an event name', 1, 100, String.raw`^[a-z][a-z0-9_]*(\.([a-z][a-z0-9_]*|\*))*$`), 100, 'event names such as ticket.created');
export const scopes: Form<readonly string[]> = many(text('a scope', 3, 65, String.raw`^[a-z][a-z0-9-]{0,31}:(\*|[a-z][a-z0-9-]{0,31})$`), 200, 'scopes such as inventory:read');

/** An address, or a network in CIDR form, in one spelling each. */
const isRange = (v: string): boolean => {
  const [address = '', bits, more] = v.split('/');
  if (more !== undefined || !ipaddr.isValid(address) || (!address.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(address))) return false;
  const parsed = ipaddr.parse(address);
  const most = parsed instanceof ipaddr.IPv4 ? 32 : 128;
  // an address mapped into IPv6 counts as the IPv4 address that it is: a network of such would match nothing
  if (bits !== undefined && parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) return false;
  return bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= most);
};
export const ranges: Form<readonly string[]> = many(text('an address', 2, 50, String.raw`^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$`, isRange), 500, 'IP addresses or networks, such as 192.0.2.10 or 2001:db8::/32');

/** Whether an address lies in one of these ranges; an IPv4 address mapped into IPv6 counts as the one it is. */
export function inRanges(address: string, all: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return all.some((range) => {
    const [network = '', bits] = range.split('/');
    const of = bits === undefined ? ipaddr.process(network) : ipaddr.parse(network);
    return of.kind() === parsed.kind() && parsed.match(of, bits === undefined ? (of.kind() === 'ipv4' ? 32 : 128) : Number(bits));
  });
}
