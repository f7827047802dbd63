import { isUtf8 } from 'node:buffer';
import { Refusal } from '#libs/event-sourcing/errors';
import { duplicateKeyOf } from './duplicate-key.js';

/** Deeper than any document of ours; a text of 100,000 brackets never reaches the parser. */
export const MAX_DEPTH = 32;

const COLON = 58;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * JSON that means one thing only. In: text, or bytes as they came. Out: the parsed value.
 * Throws Refusal `malformed_json` (400): not JSON, not UTF-8, a byte order mark, a key given twice (named),
 * deeper than MAX_DEPTH, `__proto__`, `constructor.prototype`. Throws Refusal `validation_failed` (422): a number or
 * text that is JSON but cannot be kept as it was written (unsafe integer, 1e999, half of a surrogate pair).
 */
export function parseStrict(input: string | Buffer): unknown {
  const text = typeof input === 'string' ? input : decode(input);
  const members = membersOf(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal('malformed_json');
  }
  if (typeof value === 'object' && value !== null) {
    if (walk(value) !== members) {
      throw new Refusal('malformed_json', `The key ${shown(duplicateKeyOf(text) ?? '')} is given twice. Send each key once.`);
    }
    return value;
  }
  return checkScalar(value);
}

function decode(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Refusal('malformed_json', 'The body is not valid UTF-8.');
  return bytes.toString('utf8');
}

/** How many members the text has (colons outside strings); refuses what is too deep. Says nothing about whether it is JSON. */
function membersOf(text: string): number {
  let members = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = closingQuote(text, i);
      if (i < 0) return -1;
    } else if (c === COLON) members++;
    else if (c === 91 || c === 123) {
      if (++depth > MAX_DEPTH) throw new Refusal('malformed_json', `The body is nested more than ${MAX_DEPTH} deep.`);
    } else if (c === 93 || c === 125) depth--;
  }
  return members;
}

/** Index of the quote that ends the string begun at `open`, or -1. */
function closingQuote(text: string, open: number): number {
  let at = text.indexOf('"', open + 1);
  while (at > 0) {
    let slashes = at;
    while (text.charCodeAt(slashes - 1) === BACKSLASH) slashes--;
    // an even number of backslashes escape each other, not the quote
    if ((at - slashes) % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
  return -1;
}

/** Checks every scalar and key; answers how many members there are. */
function walk(value: object): number {
  if (Array.isArray(value)) {
    let members = 0;
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === 'object' && item !== null) members += walk(item);
      else value[i] = checkScalar(item);
    }
    return members;
  }
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object);
  let members = keys.length;
  for (const key of keys) {
    if (key === '__proto__') throw new Refusal('malformed_json', 'The key "__proto__" is not accepted.');
    if (!key.isWellFormed()) throw new Refusal('validation_failed', 'A key holds half of a surrogate pair.');
    const item = object[key];
    if (typeof item === 'object' && item !== null) {
      if (key === 'constructor' && Object.hasOwn(item, 'prototype')) {
        throw new Refusal('malformed_json', 'The keys "constructor" and "prototype" inside it are not accepted.');
      }
      members += walk(item);
    } else if (typeof item === 'number' || typeof item === 'string') {
      const checked = checkScalar(item, key);
      // only -0 changes: it would be another value in the store than on the wire
      if (checked === 0) object[key] = 0;
    }
  }
  return members;
}

function checkScalar(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw unkeepable(key, 'holds half of a surrogate pair');
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw unkeepable(key, 'is a number too large to be kept');
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw unkeepable(key, 'is an integer beyond 2^53 - 1, which cannot be kept exactly; send it as text');
    if (value === 0) return 0;
  }
  return value;
}

const unkeepable = (field: string, message: string): Refusal => new Refusal('validation_failed', undefined, [{ field, message }]);

const shown = (key: string): string => JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key);
