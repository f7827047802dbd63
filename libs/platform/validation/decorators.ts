import { ValidateBy, type ValidationOptions } from 'class-validator';

/** A JSON Schema, as far as ours go. `x-max-bytes`: length in UTF-8. */
export interface JsonSchema {
  type?: string | string[];
  [keyword: string]: unknown;
}

/** Anything but control characters (other than \n and \t) and halves of surrogate pairs, under the `u` flag. */
const NO_CONTROL = '^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*$';
const E164_PATTERN = '^\\+[1-9][0-9]{1,14}$';
const NOT_BLANK = '\\S';

const noControl = new RegExp(NO_CONTROL, 'u');
const e164 = new RegExp(E164_PATTERN, 'u');
const notBlank = new RegExp(NOT_BLANK, 'u');

/** What a text may be: bytes in UTF-8; `blank: false` refuses one of white space only. */
export interface CodePointsOptions extends ValidationOptions {
  maxBytes?: number;
  blank?: boolean;
}

/** A text of min to max characters; a character is a code point, so an emoji counts one and no variation selector counts none. */
export function CodePoints(min: number, max: number, { maxBytes = Infinity, blank = true, ...options }: CodePointsOptions = {}): PropertyDecorator {
  const limits = `${min} to ${max} characters`;
  return ValidateBy({
    name: 'codePoints',
    constraints: [min, max, maxBytes, blank],
    validator: {
      validate: (value) => typeof value === 'string' && within(value, min, max) && (maxBytes === Infinity || Buffer.byteLength(value) <= maxBytes) && (blank || notBlank.test(value)),
      defaultMessage: () => `$property must be a text of ${limits}${maxBytes === Infinity ? '' : `, at most ${maxBytes} bytes`}${blank ? '' : ', not only white space'}`,
    },
  }, options);
}

/** True when the text has min to max code points; never counts further than it must. */
function within(text: string, min: number, max: number): boolean {
  // a code point is one or two units
  if (text.length > 2 * max || text.length < min) return false;
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count--;
      i++;
    }
  }
  return count >= min && count <= max;
}

/** A phone number in the E.164 form. */
export const E164 = (options?: ValidationOptions): PropertyDecorator => ValidateBy({
  name: 'e164',
  validator: {
    validate: (value) => typeof value === 'string' && e164.test(value),
    defaultMessage: () => '$property must be a phone number in the E.164 form: a plus sign, country code and number, digits only, such as +1234567890',
  },
}, options);

/** A text without control characters (\n and \t are taken) and without half a surrogate pair. What is no text is for the decorators beside it to name. */
export const NoControl = (options?: ValidationOptions): PropertyDecorator => ValidateBy({
  name: 'noControl',
  validator: {
    validate: (value) => typeof value !== 'string' || noControl.test(value),
    defaultMessage: () => '$property must not hold control characters other than line feed and tab',
  },
}, options);

/** An instant as RFC 3339 writes it, with Z or an offset; a day that exists. */
export const UtcDate = (options?: ValidationOptions): PropertyDecorator => ValidateBy({
  name: 'utcDate',
  validator: {
    validate: (value) => typeof value === 'string' && isInstant(value),
    defaultMessage: () => '$property must be an instant such as 2026-03-01T09:30:00Z',
  },
}, options);

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(?:Z|[+-](\d{2}):(\d{2}))$/;

/** True for an RFC 3339 instant that exists (no 30 February, no second 60). */
export function isInstant(text: string): boolean {
  const match = INSTANT.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second, offsetHour, offsetMinute] = match.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

const typeOf = (values: readonly unknown[]): JsonSchema => {
  const types = [...new Set(values.map((value) => (value === null ? 'null' : typeof value)))];
  return types.length === 1 ? { type: types[0] as string } : { type: types };
};

/** class-validator's name of a constraint → what it says in JSON Schema. A decorator that is not here cannot be used on a DTO. */
const FRAGMENTS: Record<string, (constraints: readonly unknown[]) => JsonSchema> = {
  isString: () => ({ type: 'string' }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isObject: () => ({ type: 'object' }),
  isArray: () => ({ type: 'array' }),
  isDefined: () => ({}),
  isIn: ([values]) => ({ ...typeOf(values as unknown[]), enum: values }),
  isEnum: ([, values]) => ({ ...typeOf(values as unknown[]), enum: values }),
  min: ([least]) => ({ type: 'number', minimum: least }),
  max: ([most]) => ({ type: 'number', maximum: most }),
  minLength: ([least]) => ({ type: 'string', minLength: least }),
  maxLength: ([most]) => ({ type: 'string', maxLength: most }),
  isLength: ([least, most]) => ({ type: 'string', minLength: least, ...(most === undefined ? {} : { maxLength: most }) }),
  matches: ([pattern]) => {
    const { source, flags } = pattern as RegExp;
    if (flags !== '' && flags !== 'u') throw new Error(`@Matches(/${source}/${flags}): JSON Schema has no flags; write the pattern without`);
    return { type: 'string', pattern: source };
  },
  arrayMinSize: ([least]) => ({ type: 'array', minItems: least }),
  arrayMaxSize: ([most]) => ({ type: 'array', maxItems: most }),
  isNotEmptyObject: () => ({ type: 'object', minProperties: 1 }),
  codePoints: ([min, max, maxBytes, blank]) => ({
    type: 'string', minLength: min, maxLength: max, ...(maxBytes === Infinity ? {} : { 'x-max-bytes': maxBytes }), ...(blank === true ? {} : { pattern: NOT_BLANK }),
  }),
  e164: () => ({ type: 'string', pattern: E164_PATTERN }),
  noControl: () => ({ type: 'string', pattern: NO_CONTROL }),
  utcDate: () => ({ type: 'string', format: 'date-time' }),
};

/** Lets a decorator made elsewhere with class-validator's `ValidateBy({ name })` be used on DTOs: says what it means in JSON Schema. */
export function describeConstraint(name: string, fragment: (constraints: readonly unknown[]) => JsonSchema): void {
  FRAGMENTS[name] = fragment;
}

/** The JSON Schema of one constraint; throws when there is none. */
export function fragmentOf(name: string, constraints: readonly unknown[]): JsonSchema {
  const fragment = Object.hasOwn(FRAGMENTS, name) ? FRAGMENTS[name] : undefined;
  if (fragment === undefined) throw new Error(`the decorator "${name}" has no JSON Schema: use another, or describeConstraint('${name}', …)`);
  return fragment(constraints);
}
