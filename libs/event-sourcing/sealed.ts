/**
 * Sensitive fields. An event's type marks a field `Sensitive<string>`; whoever decides sees it plain, whoever
 * reads (evolve, fold, next, rows, jobs) sees it sealed. The two never mix: neither type is assignable to the other.
 */
declare const sensitive: unique symbol;
declare const searchable: unique symbol;
declare const sealed: unique symbol;

/** Marks a field of an event's declared type. No value ever has this type. */
export interface Sensitive<T> { readonly [sensitive]: T }

/** Marks a sensitive field that views hold in the open, so that it can be searched (names): sealed in the log, opened before a projection folds it. Its decider lists it in `searchable`. */
export interface Searchable<T> { readonly [searchable]: T }

/** An encrypted value. It names its subject, category and day, so that it can be opened wherever it was copied to. */
export interface Sealed<T> { readonly [sealed]: T }

/** What `decide` returns: every sensitive field in the open. */
export type Plain<D> =
  D extends Sensitive<infer T> ? T
  : D extends Searchable<infer T> ? T
  : D extends string | number | boolean | null | undefined ? D
  : D extends readonly (infer I)[] ? Plain<I>[]
  : D extends object ? { [K in keyof D]: Plain<D[K]> } : D;

/** What is stored, and what everyone else sees: every sensitive field sealed. */
export type Stored<D> =
  D extends Sensitive<infer T> ? Sealed<T>
  : D extends Searchable<infer T> ? Sealed<T>
  : D extends string | number | boolean | null | undefined ? D
  : D extends readonly (infer I)[] ? Stored<I>[]
  : D extends object ? { [K in keyof D]: Stored<D[K]> } : D;

/** What a projection sees: as stored, but searchable fields in the open, or null where they were erased. */
export type Folded<D> =
  D extends Sensitive<infer T> ? Sealed<T>
  : D extends Searchable<infer T> ? T | null
  : D extends string | number | boolean | null | undefined ? D
  : D extends readonly (infer I)[] ? Folded<I>[]
  : D extends object ? { [K in keyof D]: Folded<D[K]> } : D;

/**
 * Who a sensitive value belongs to: somebody known by a value (a phone number, an address), whose random id the
 * key directory finds or makes; or a subject whose id is already at hand.
 */
export type Subject = { kind: SubjectKind; value: string } | { id: string };
/** What a person is known by. `account`: an owner here; the others: an address of a channel. Kinds are hashed with the value: never renamed. */
export type SubjectKind = 'number' | 'email' | 'telegram' | 'account';

/** How long a value is kept: it is readable while the key of its category and day is kept. `kept` has no period. */
export interface Period { category: string; day: string }

/**
 * Handed to an event's `seal` function. `seal` encrypts one value; `fingerprint` is an HMAC under the subject's key
 * (equal values of one subject have equal fingerprints; after erasure nobody can test a guess).
 */
export interface Seal {
  seal<T extends string>(field: string, value: T, subject: Subject): Sealed<T>;
  seal<T extends string>(field: string, value: T | null, subject: Subject): Sealed<T> | null;
  fingerprint(value: string, subject: Subject): string;
}

/**
 * An event whose sensitive fields are to be sealed names here how: pure, called once to collect and once to seal.
 * `state` is the one that was decided on (before the event), `id` the stream's.
 */
export type SealEvent<D, State = never> = (data: Plain<D>, by: Seal, state: State, id: string) => Stored<D>;

const MARK = 's1';
/** Never issued as a key id: stands where a subject was already forgotten when the value arrived. */
export const ERASED = `${MARK}|erased` as unknown as Sealed<never>;

export interface SealedHeader {
  subject: string; category: string; day: string; field: string; type: string; revision: number; stream: string;
}

/** The header is the additional data of the encryption: whoever alters it cannot open the value. */
export const headerText = (h: SealedHeader): string =>
  `${MARK}|${h.subject}|${h.category}|${h.day}|${h.field}|${h.type}|${h.revision}|${h.stream}`;

export const sealedOf = <T>(header: string, box: string): Sealed<T> => `${header}|${box}` as unknown as Sealed<T>;

/** @throws when the text is not a sealed value. */
export function parseSealed(value: Sealed<unknown>): { header: string; box: string; fields: SealedHeader } | 'erased' {
  const text = value as unknown as string;
  if (text === (ERASED as unknown as string)) return 'erased';
  const at = text.lastIndexOf('|');
  const header = text.slice(0, at);
  const [mark, subject, category, day, field, type, revision, stream] = header.split('|');
  if (mark !== MARK || stream === undefined) throw new Error('not a sealed value');
  return {
    header, box: text.slice(at + 1),
    fields: { subject: subject!, category: category!, day: day!, field: field!, type: type!, revision: Number(revision), stream },
  };
}

/** The id of the subject a sealed value belongs to; null where it was already erased when sealed. */
export function subjectOf(value: Sealed<unknown>): string | null {
  const text = value as unknown as string;
  const parts = text.split('|', 3);
  return parts.length < 3 ? null : parts[1]!;
}

/** True for any stored text that claims to be sealed. */
export const looksSealed = (value: unknown): value is Sealed<string> => typeof value === 'string' && value.startsWith(`${MARK}|`);
