import type { Condition, Query, Value } from '#libs/event-sourcing/ports/read-models';
import { type Bound, type Table, boundOf, columnOf, indexOf, tableOf } from './columns.js';
import { afterPrefix } from './prefix.js';

/** A query of views.db. Field names come from the declared indexes only, values are bound. */
export interface Plan { sql: string; params: Bound[] }
interface Term { sql: string; params: Bound[] }

const BRANCHES = 100;
const SKIP_MOST = 10_000;

/**
 * The declared index that serves a query: conditions of equality (`eq`, `in`) on its first fields, then at most one
 * range on the next, then the sort, in its order. The row's id is the last field of every index.
 * @throws Error when there is none
 */
function serving(table: Table, where: Query['where'], sort: readonly string[]): { index: string | null; fields: string[]; fixed: string[] } {
  const asked = Object.keys(where);
  // the primary key is the index without fields
  for (const [index, declared] of [...Object.entries(table.indexes), [null, []] as const]) {
    const fields = [...declared, 'id'];
    const fixed: string[] = [];
    while (fixed.length < fields.length && isFixed(where[fields[fixed.length]!])) fixed.push(fields[fixed.length]!);
    const rest = fields.slice(fixed.length);
    const served = fixed.length + (rest[0] !== undefined && rest[0] in where ? 1 : 0);
    const sorted = sort.filter((f) => !fixed.includes(f));
    if (served === asked.length && sorted.every((f, i) => f === rest[i])) return { index, fields: rest, fixed };
  }
  throw new Error(`no index of ${table.name} serves where ${JSON.stringify(asked)} sort ${JSON.stringify(sort)}`);
}

const isFixed = (c: Condition | undefined): boolean => c !== undefined && ('eq' in c || 'in' in c);

const is = (field: string, value: Value): Term => (value === null
  ? { sql: `${columnOf(field)} IS NULL`, params: [] }
  : { sql: `${columnOf(field)} = ?`, params: [boundOf(value, field)] });

/** Values of one kind only are in a range: texts between texts, numbers between numbers. */
function rangeTerms(field: string, c: Condition): Term[] {
  const column = columnOf(field);
  if ('prefix' in c) return rangeTerms(field, { from: c.prefix, to: afterPrefix(c.prefix) || undefined });
  if (!('from' in c) && !('to' in c)) throw new Error(`a condition on ${field} says nothing`);
  const { from, to } = c as { from?: Value; to?: Value };
  const kinds = new Set([from, to].filter((v) => v !== undefined).map((v) => typeof v));
  if (kinds.size !== 1 || !(kinds.has('string') || kinds.has('number'))) throw new Error(`a range on ${field} is between two texts or two numbers`);
  const text = kinds.has('string');
  const low: Bound | undefined = from !== undefined ? boundOf(from, field) : text ? '' : undefined;
  const high: Bound = to !== undefined ? boundOf(to, field) : text ? new Uint8Array(0) : '';
  return [
    low === undefined ? { sql: `${column} IS NOT NULL`, params: [] } : { sql: `${column} >= ?`, params: [low] },
    { sql: `${column} < ?`, params: [high] },
  ];
}

/** What comes after these values in this order, as branches that an index serves one by one: equal in the first fields, beyond in the next. */
function beyond(fields: readonly string[], values: readonly Value[], descending: boolean): Term[][] {
  const branches: Term[][] = [];
  for (let k = fields.length - 1; k >= 0; k--) {
    const same = fields.slice(0, k).map((f, i) => is(f, values[i]!));
    const column = columnOf(fields[k]!);
    const value = values[k]!;
    if (!descending) branches.push([...same, value === null ? { sql: `${column} IS NOT NULL`, params: [] } : { sql: `${column} > ?`, params: [boundOf(value, fields[k]!)] }]);
    else if (value !== null) {
      branches.push([...same, { sql: `${column} < ?`, params: [boundOf(value, fields[k]!)] }]);
      if (fields[k] !== 'id') branches.push([...same, { sql: `${column} IS NULL`, params: [] }]);
    }
  }
  return branches;
}

/** Every combination of one value per fixed field. */
function combinations(where: Query['where'], fixed: readonly string[]): Term[][] {
  let all: Term[][] = [[]];
  for (const f of fixed) {
    const c = where[f]!;
    const values = 'in' in c ? [...new Set(c.in)] : [(c as { eq: Value }).eq];
    all = all.flatMap((terms) => values.map((v) => [...terms, is(f, v)]));
  }
  return all;
}

const select = (table: Table, index: string | null, what: string, terms: readonly Term[]): Term => ({
  sql: `SELECT ${what} FROM ${tableOf(table.name)} ${index === null ? '' : `INDEXED BY ${indexOf(table.name, index)} `}WHERE ${['live = 1', ...terms.map((t) => t.sql)].join(' AND ')}`,
  params: terms.flatMap((t) => t.params),
});

/** Null when the query can have no rows. @throws Error for a query that no declared index serves, or that is not well formed */
export function findPlan(table: Table, query: Query): Plan | null {
  if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > 1000) throw new Error(`a page holds 1 to 1,000 rows, not ${query.limit}`);
  const skip = query.skip ?? 0;
  if (!Number.isInteger(skip) || skip < 0 || skip > SKIP_MOST || (skip > 0 && query.after)) throw new Error(`a page begins 0 to ${SKIP_MOST} rows on, or after given values, not ${skip} on`);
  const sort = query.sort?.by ?? [];
  const descending = query.sort?.descending ?? false;
  const { index, fields, fixed } = serving(table, query.where, sort);
  if (sort.some((f) => f in query.where && 'in' in query.where[f]!)) throw new Error('a field under `in` cannot be sorted by');
  if (query.after && (query.after.length !== sort.length || sort.length === 0)) throw new Error('`after` holds one value per sort field');

  const order = fields.map((f) => `${columnOf(f)}${descending ? ' DESC' : ''}`).join(', ') || 'id';
  const range = fields[0] !== undefined && fields[0] in query.where ? rangeTerms(fields[0], query.where[fields[0]]!) : [];
  const moving = sort.map((f, i) => [f, query.after?.[i] ?? null] as const).filter(([f]) => !fixed.includes(f));
  const afters = query.after ? beyond(moving.map(([f]) => f), moving.map(([, v]) => v), descending) : [[]];
  const branches = combinations(query.where, fixed).flatMap((terms) => afters.map((a) => [...terms, ...range, ...a]));
  if (branches.length === 0) return null;
  if (branches.length > BRANCHES) throw new Error(`a query of ${table.name} has ${branches.length} branches: at most ${BRANCHES}`);

  // each branch is read from the index in order and no further than the page; only the heads are merged
  const what = ['id', 'position', 'row', ...fields.filter((f) => f !== 'id').map(columnOf)].join(', ');
  const parts = branches.map((terms) => select(table, index, what, terms));
  const limited = parts.map((p) => `SELECT * FROM (${p.sql} ORDER BY ${order} LIMIT ${query.limit + skip})`);
  return {
    sql: `${limited.length === 1 ? parts[0]!.sql : limited.join(' UNION ALL ')} ORDER BY ${order} LIMIT ${query.limit} OFFSET ${skip}`,
    params: parts.flatMap((p) => p.params),
  };
}

/** As many numbers as branches: their sum is the count. Null when it is 0. */
export function countPlan(table: Table, where: Query['where']): Plan | null {
  const { index, fields, fixed } = serving(table, where, []);
  const range = fields[0] !== undefined && fields[0] in where ? rangeTerms(fields[0], where[fields[0]]!) : [];
  const parts = combinations(where, fixed).map((terms) => select(table, index, 'count(*)', [...terms, ...range]));
  if (parts.length > BRANCHES) throw new Error(`a count of ${table.name} has ${parts.length} branches: at most ${BRANCHES}`);
  return parts.length === 0 ? null : { sql: parts.map((p) => p.sql).join(' UNION ALL '), params: parts.flatMap((p) => p.params) };
}
