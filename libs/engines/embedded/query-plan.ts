import type { Query } from '#libs/event-sourcing/ports/read-models';
import { type Served, type Term, countedBy, servedBy } from '#libs/event-sourcing/running/served-by';
import { type Bound, type Table, boundOf, columnOf, indexOf, tableOf } from './columns.js';

/** A query of views.db. Field names come from the declared indexes only, values are bound. */
export interface Plan { sql: string; params: Bound[] }

const NONE = (sql: string): Plan => ({ sql, params: [] });

/** A condition as SQL; more than one where an index is read in pieces. Texts are in a range with texts, numbers with numbers. */
function conditions(term: Term, descending: boolean): Plan[] {
  const { field } = term;
  const column = columnOf(field);
  const missing = NONE(`${column} IS NULL`), there = NONE(`${column} IS NOT NULL`);
  if ('is' in term) return [term.is === null ? missing : { sql: `${column} = ?`, params: [boundOf(term.is, field)] }];
  if ('beyond' in term) {
    if (term.beyond === null) return [there];
    const far = { sql: `${column} ${descending ? '<' : '>'} ?`, params: [boundOf(term.beyond, field)] };
    return descending && field !== 'id' ? [far, missing] : [far];
  }
  const { from, to } = term;
  const text = typeof (from ?? to) === 'string';
  const low: Bound | undefined = from !== undefined ? boundOf(from, field) : text ? '' : undefined;
  const high: Bound = to !== undefined ? boundOf(to, field) : text ? new Uint8Array(0) : '';
  const under = { sql: `${column} < ?`, params: [high] };
  return [low === undefined ? { sql: `${there.sql} AND ${under.sql}`, params: under.params } : { sql: `${column} >= ? AND ${under.sql}`, params: [low, high] }];
}

/** One SELECT per branch, or per piece of it. */
function selects(table: Table, { index, branches }: Served, what: string, descending: boolean): Plan[] {
  const from = `SELECT ${what} FROM ${tableOf(table.name)} ${index === null ? '' : `INDEXED BY ${indexOf(table.name, index)} `}WHERE live = 1`;
  return branches.flatMap((terms) => {
    let all: Plan[][] = [[]];
    for (const term of terms) all = all.flatMap((some) => conditions(term, descending).map((c) => [...some, c]));
    return all.map((some) => ({ sql: [from, ...some.map((c) => c.sql)].join(' AND '), params: some.flatMap((c) => c.params) }));
  });
}

/** Null when the query can have no rows. @throws Error for a query that no declared index serves, or that is not well formed */
export function findPlan(table: Table, query: Query): Plan | null {
  const plan = servedBy(table, query);
  const order = plan.order.map((f) => `${columnOf(f)}${plan.descending ? ' DESC' : ''}`).join(', ') || 'id';
  // each branch is read from the index in order and no further than the page; only the heads are merged
  const what = ['id', 'position', 'row', ...plan.order.filter((f) => f !== 'id').map(columnOf)].join(', ');
  const parts = selects(table, plan, what, plan.descending);
  if (parts.length === 0) return null;
  const limited = parts.map((p) => `SELECT * FROM (${p.sql} ORDER BY ${order} LIMIT ${plan.limit + plan.skip})`);
  return {
    sql: `${parts.length === 1 ? parts[0]!.sql : limited.join(' UNION ALL ')} ORDER BY ${order} LIMIT ${plan.limit} OFFSET ${plan.skip}`,
    params: parts.flatMap((p) => p.params),
  };
}

/** As many numbers as branches: their sum is the count. Null when it is 0. */
export function countPlan(table: Table, where: Query['where']): Plan | null {
  const parts = selects(table, countedBy(table, where), 'count(*)', false);
  return parts.length === 0 ? null : { sql: parts.map((p) => p.sql).join(' UNION ALL '), params: parts.flatMap((p) => p.params) };
}
