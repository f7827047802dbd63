import type { Document, IndexDescription } from 'mongodb';
import type { Query } from '#libs/event-sourcing/ports/read-models';
import { type Indexed, type Term, countedBy, servedBy } from '#libs/event-sourcing/running/served-by';
import { kindOf, orderKey, spelled } from './order-key.js';

/**
 * A row as a document. All but its id stands in `v`, whose first field is the position: `$max` on `v` then writes a
 * row over a lower position only, in one step, without a filter that an upsert could miss.
 */
export interface RowDocument {
  _id: string;
  v: {
    position: string;
    /** falls with every write: of two at one position the first stays, as `$max` goes on to this field */
    turn: number;
    /** 0: a tombstone, in no answer */
    live: 0 | 1;
    /** as JSON, so that what MongoDB has no name or place for (`$`, `.`, NUL) comes back as it was; null: a tombstone */
    row: string | null;
    /** `f_{field}`: an order key for every field that an index names */
    [key: `f_${string}`]: string;
  };
}

const pathOf = (field: string): string => (field === 'id' ? '_id' : `v.f_${field}`);
const keyOf = (fields: readonly string[]): Record<string, 1> => Object.fromEntries(['v.live', ...[...fields, 'id'].map(pathOf)].map((p) => [p, 1]));
/** An index has its fields for a name: two declared ones with the same fields are one. */
const nameOf = (fields: readonly string[]): string => ['by', ...fields].join('.');

/** The fields that rows carry order keys for, in a fixed order. */
export const fieldsOf = ({ indexes }: Indexed): string[] => [...new Set(Object.values(indexes).flat())].toSorted();
/** The indexes that a collection has: those declared, and one by id for what asks for no field. Live rows stand apart from tombstones in each. */
export const indexesOf = ({ indexes }: Indexed): (IndexDescription & { name: string })[] =>
  [...new Map([[], ...Object.values(indexes)].map((fields) => [nameOf(fields), { name: nameOf(fields), key: keyOf(fields) }])).values()];

export interface Filtered { filter: Document; hint: string }
export interface Found extends Filtered { sort: Record<string, 1 | -1>; skip: number; limit: number }

/** No document holds it. */
const NOTHING = { $in: [] as string[] };

function condition(term: Term, descending: boolean): Document {
  const id = term.field === 'id';
  const key = (value: string | number | boolean | null): string | null => (!id ? orderKey(value, term.field) : typeof value === 'string' ? spelled(value) : null);
  if ('is' in term) {
    const is = key(term.is);
    return is === null || (typeof term.is === 'number' && !Number.isFinite(term.is)) ? NOTHING : { $eq: is };
  }
  if ('beyond' in term) return { [descending ? '$lt' : '$gt']: key(term.beyond) ?? '' };
  const kind = id ? { low: '', high: null } : kindOf((term.from ?? term.to)!);
  const low = term.from === undefined ? kind.low : key(term.from);
  const high = term.to === undefined ? kind.high : key(term.to);
  if (low === null || (term.to !== undefined && high === null)) return NOTHING;
  return { $gte: low, ...(high !== null && { $lt: high }) };
}

/** A field may stand under a range and under a page's beginning: both hold. */
function branch(terms: readonly Term[], descending: boolean): Document {
  const filter: Document = { 'v.live': 1 };
  const more: Document[] = [];
  for (const term of terms) {
    const path = pathOf(term.field);
    if (path in filter) more.push({ [path]: condition(term, descending) }); else filter[path] = condition(term, descending);
  }
  return more.length > 0 ? { ...filter, $and: more } : filter;
}

/** Whole branches under one `$or`: each is then an index scan of its own, and only their heads are merged. */
const either = (branches: readonly Document[]): Document => (branches.length === 1 ? branches[0]! : { $or: [...branches] });

/** Null when the query can have no rows. @throws Error for a query that no declared index serves, or that is not well formed */
export function foundBy(of: Indexed, query: Query): Found | null {
  const { index, order, branches, descending, skip, limit } = servedBy(of, query);
  if (branches.length === 0) return null;
  const ordered = order.length > 0 ? order : ['id'];
  return {
    filter: either(branches.map((terms) => branch(terms, descending))), hint: hintOf(of, index), skip, limit,
    sort: Object.fromEntries(ordered.map((f) => [pathOf(f), descending ? -1 : 1])),
  };
}

/** Null when the count is 0. @throws Error for one that no declared index serves */
export function countedFor(of: Indexed, where: Query['where']): Filtered | null {
  const { index, branches } = countedBy(of, where);
  return branches.length === 0 ? null : { filter: either(branches.map((terms) => branch(terms, false))), hint: hintOf(of, index) };
}

const hintOf = ({ indexes }: Indexed, index: string | null): string => nameOf(index === null ? [] : indexes[index]!);
