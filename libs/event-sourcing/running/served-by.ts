import type { Condition, Query, Value } from '../ports/read-models.js';
import { afterPrefix } from './prefix.js';

/** A collection's declared indexes, the row's id as last tie-breaker left out. */
export interface Indexed { name: string; indexes: Record<string, readonly string[]> }
/** One condition as an index serves it. `beyond`: what comes strictly after this value in the order asked for. */
export type Term = { field: string; is: Value } | { field: string; from?: Value; to?: Value } | { field: string; beyond: Value };

/** A query in terms of one index: each branch is read from it in order; of several, the heads are merged. */
export interface Served {
  /** null: the rows' ids */
  index: string | null;
  /** what the answer is ordered by, the id last */
  order: readonly string[];
  branches: readonly (readonly Term[])[];
}

const BRANCHES = 100;
const SKIP_MOST = 10_000;
const NAME = /^[A-Za-z0-9_.@/-]{1,100}$/;
const FIELD = /^[A-Za-z0-9_]+$/;

/** A collection as declared, in one spelling: indexes by name, without the id at the end. @throws Error for names that are none */
export function indexed(name: string, indexes: Record<string, readonly string[]>): Indexed {
  if (!NAME.test(name)) throw new Error(`not a name for a collection: ${name}`);
  const known: Indexed = { name, indexes: {} };
  for (const [index, fields] of Object.entries(indexes).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    for (const word of [index, ...fields]) if (!FIELD.test(word)) throw new Error(`names in ${name} are [A-Za-z0-9_]+, not ${JSON.stringify(word)}`);
    const own = fields.at(-1) === 'id' ? fields.slice(0, -1) : [...fields];
    if (own.includes('id')) throw new Error(`id is the last field of an index: ${name}.${index}`);
    known.indexes[index] = own;
  }
  return known;
}

const isFixed = (c: Condition | undefined): boolean => c !== undefined && ('eq' in c || 'in' in c);

/**
 * The declared index that serves a query: conditions of equality (`eq`, `in`) on its first fields, then at most one
 * range on the next, then the sort, in its order. The row's id is the last field of every index.
 */
function indexFor({ name, indexes }: Indexed, where: Query['where'], sort: readonly string[]): { index: string | null; order: string[]; fixed: string[] } {
  const asked = Object.keys(where);
  // the primary key is the index without fields
  for (const [index, declared] of [...Object.entries(indexes), [null, []] as const]) {
    const fields = [...declared, 'id'];
    const fixed: string[] = [];
    while (fixed.length < fields.length && isFixed(where[fields[fixed.length]!])) fixed.push(fields[fixed.length]!);
    const order = fields.slice(fixed.length);
    const served = fixed.length + (order[0] !== undefined && order[0] in where ? 1 : 0);
    const sorted = sort.filter((f) => !fixed.includes(f));
    if (served === asked.length && sorted.every((f, i) => f === order[i])) return { index, order, fixed };
  }
  throw new Error(`no index of ${name} serves where ${JSON.stringify(asked)} sort ${JSON.stringify(sort)}`);
}

function checked(field: string, value: Value): Value {
  if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) throw new Error(`${field} is compared with neither text, number, boolean nor null`);
  return value;
}

/** Values of one kind only are in a range: texts between texts, numbers between numbers. */
function rangeTerm(field: string, c: Condition): Term {
  if ('prefix' in c) return rangeTerm(field, { from: c.prefix, to: afterPrefix(c.prefix) || undefined });
  if (!('from' in c) && !('to' in c)) throw new Error(`a condition on ${field} says nothing`);
  const { from, to } = c as { from?: Value; to?: Value };
  const kinds = new Set([from, to].filter((v) => v !== undefined).map((v) => typeof v));
  if (kinds.size !== 1 || !(kinds.has('string') || kinds.has('number'))) throw new Error(`a range on ${field} is between two texts or two numbers`);
  return { field, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

/** What comes after these values in this order, as branches that an index serves one by one: equal in the first fields, beyond in the next. */
function beyond(fields: readonly string[], values: readonly Value[], descending: boolean): Term[][] {
  return fields.map((field, k) => [...fields.slice(0, k).map((f, i): Term => ({ field: f, is: checked(f, values[i]!) })), { field, beyond: checked(field, values[k]!) } as Term])
    .filter((_, k) => !(descending && values[k] === null)) // nothing comes before null
    .toReversed();
}

/** Every combination of one value per fixed field. */
function combinations(where: Query['where'], fixed: readonly string[]): Term[][] {
  let all: Term[][] = [[]];
  for (const field of fixed) {
    const c = where[field]!;
    const values = 'in' in c ? [...new Set(c.in)] : [(c as { eq: Value }).eq];
    all = all.flatMap((terms) => values.map((is) => [...terms, { field, is: checked(field, is) }]));
  }
  return all;
}

function served(of: Indexed, where: Query['where'], sort: readonly string[], after: (fixed: readonly string[]) => Term[][]): Served {
  const { index, order, fixed } = indexFor(of, where, sort);
  const range = order[0] !== undefined && order[0] in where ? [rangeTerm(order[0], where[order[0]]!)] : [];
  const afters = after(fixed);
  const branches = combinations(where, fixed).flatMap((terms) => afters.map((a) => [...terms, ...range, ...a]));
  if (branches.length > BRANCHES) throw new Error(`a query of ${of.name} has ${branches.length} branches: at most ${BRANCHES}`);
  return { index, order, branches };
}

/** How the declared indexes serve a query; without branches it can have no rows. @throws Error for one that none serves, or that is not well formed */
export function servedBy(of: Indexed, query: Query): Served & { limit: number; skip: number; descending: boolean } {
  const { limit, skip = 0 } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new Error(`a page holds 1 to 1,000 rows, not ${limit}`);
  if (!Number.isInteger(skip) || skip < 0 || skip > SKIP_MOST || (skip > 0 && query.after)) throw new Error(`a page begins 0 to ${SKIP_MOST} rows on, or after given values, not ${skip} on`);
  const { by: sort, descending = false } = query.sort ?? { by: [] };
  if (sort.some((f) => f in query.where && 'in' in query.where[f]!)) throw new Error('a field under `in` cannot be sorted by');
  if (query.after && (query.after.length !== sort.length || sort.length === 0)) throw new Error('`after` holds one value per sort field');
  const plan = served(of, query.where, sort, (fixed) => {
    if (!query.after) return [[]];
    const moving = sort.map((f, i) => [f, query.after![i] ?? null] as const).filter(([f]) => !fixed.includes(f));
    return beyond(moving.map(([f]) => f), moving.map(([, v]) => v), descending);
  });
  return { ...plan, limit, skip, descending };
}

/** How the declared indexes serve a count: its branches have no row in common. @throws Error for one that none serves */
export const countedBy = (of: Indexed, where: Query['where']): Served => served(of, where, [], () => [[]]);
