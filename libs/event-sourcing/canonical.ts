import { hash } from 'node:crypto';
import { Damaged, Refusal, TooLarge } from './errors.js';
import type { NewEvent, Position, StoredEvent } from './event.js';

/**
 * The stored form of an event, the same on every engine. It is on disk for ever: a golden sample holds it.
 * `data` is the event's data as JSON; `meta` is version, tags and metadata under short names; `sum` is a checksum over
 * these and over where the event stands, so that an event altered or moved is found when it is read.
 */
export interface Encoded { data: string; meta: string; sum: string; /** of data and meta, UTF-8 */ bytes: number }
export interface EncodedRow { position: Position; stream: string; revision: number; id: string; type: string; data: string; meta: string; sum: string }

/** The most that one append may store, on every engine. */
export const MAX_APPEND_BYTES = 1024 * 1024;

/** Short names of tags and metadata in `meta`. Never changed, never reused. */
interface Meta { v: number; o: string; p?: string; s?: string[]; a?: string; c: string; u: string; w: string; t?: string; at: string }

// Line breaks part the fields of the checksum and `|` those of a sealed value: neither may occur in a name.
const NAME = /^[!-{}~]{1,250}$/;
const UNSAFE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const UNSAFE_TEXT = /"(?:__proto__|constructor|prototype)":/;

// 22 characters of base64url: 132 bits
const sumOf = (stream: string, revision: number, id: string, type: string, data: string, meta: string): string =>
  hash('sha256', `${stream}\n${revision}\n${id}\n${type}\n${data}\n${meta}`, 'base64url').slice(0, 22);

/** @throws TooLarge over 1 MiB · Refusal for a key such as `__proto__` or a text that claims to be sealed and is not · Error for a bad name or id */
export function encode(stream: string, revision: number, event: NewEvent): Encoded {
  if (!NAME.test(stream) || !NAME.test(event.id) || !NAME.test(event.type)) {
    throw new Error(`stream, id and type are 1 to 250 visible ASCII characters without "|": ${JSON.stringify([stream, event.id, event.type])}`);
  }
  const { tags, metadata } = event;
  const data = JSON.stringify(event.data) ?? 'null';
  const meta = JSON.stringify({
    v: event.version, o: tags.owner, p: tags.parent, s: tags.subjects, a: tags.acceptedAt,
    c: metadata.correlationId, u: metadata.causationId, w: metadata.principal, t: metadata.traceparent, at: metadata.at,
  } satisfies Meta);
  const bytes = Buffer.byteLength(data) + Buffer.byteLength(meta);
  if (bytes > MAX_APPEND_BYTES) throw new TooLarge(bytes, MAX_APPEND_BYTES);
  if (hasUnsafeKey(data)) throw new Refusal('validation_failed', 'A field name such as "__proto__" or "constructor" is not accepted.');
  if (foreignSeal(data, stream, revision, event.type)) throw new Refusal('validation_failed', 'A text may not begin with "s1|".');
  return { data, meta, sum: sumOf(stream, revision, event.id, event.type, data, meta), bytes };
}

/** @throws Damaged, naming the position, when what is read is not what was written there */
export function decode(row: EncodedRow): StoredEvent {
  const { position, stream, revision, id, type, data, meta, sum } = row;
  if (sumOf(stream, revision, id, type, data, meta) !== sum) throw new Damaged(`event ${revision} of ${stream} is damaged`, position);
  if (foreignSeal(data, stream, revision, type)) throw new Damaged(`event ${revision} of ${stream} holds a sealed value of another event`, position);
  if (hasUnsafeKey(data)) throw new Damaged(`event ${revision} of ${stream} holds an unsafe field name`, position);
  const m = parsed(meta, row) as Meta;
  const tags: StoredEvent['tags'] = { owner: m.o };
  if (m.p !== undefined) tags.parent = m.p;
  if (m.s !== undefined) tags.subjects = m.s;
  if (m.a !== undefined) tags.acceptedAt = m.a;
  const metadata: StoredEvent['metadata'] = { correlationId: m.c, causationId: m.u, principal: m.w, at: m.at };
  if (m.t !== undefined) metadata.traceparent = m.t;
  return { id, type, version: m.v, data: parsed(data, row), tags, metadata, stream, revision, position };
}

function parsed(text: string, row: EncodedRow): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Damaged(`event ${row.revision} of ${row.stream} is not readable`, row.position);
  }
}

/**
 * True when a sealed value in the text names another stream, revision or type than the event's own: a ciphertext copied
 * from elsewhere. Works on the text: only a string's first quote can stand before `s1|` without a backslash.
 */
function foreignSeal(data: string, stream: string, revision: number, type: string): boolean {
  let at = data.indexOf('"s1|');
  if (at < 0) return false;
  const own = `|${type}|${revision}|${stream}`;
  for (; at >= 0; at = data.indexOf('"s1|', at + 4)) {
    if (data[at - 1] === '\\') continue;
    const end = data.indexOf('"', at + 4);
    const box = data.lastIndexOf('|', end);
    if (!data.startsWith(own, box - own.length) && data.slice(at, end) !== '"s1|erased') return true;
  }
  return false;
}

/** Looks at the text first: nearly no event has such a key, and a text that only holds one as a value is walked. */
function hasUnsafeKey(data: string): boolean {
  return UNSAFE_TEXT.test(data) && walk(JSON.parse(data) as unknown);
}

function walk(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => (!Array.isArray(value) && UNSAFE_KEYS.has(key)) || walk(inner));
}
