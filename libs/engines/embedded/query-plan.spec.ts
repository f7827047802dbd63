import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import type { Query } from '#libs/event-sourcing/ports/read-models';
import { type Table, fieldsOf } from './columns.js';
import { countPlan, findPlan } from './query-plan.js';
import { VIEWS_SCHEMA, viewWriter } from './views.thread.js';

const table: Table = { name: 'messages@1', indexes: { by_at: ['at'], by_owner: ['owner', 'at'], by_state: ['owner', 'state', 'at'] } };
let db: DatabaseSync;
beforeAll(() => {
  db = new DatabaseSync(':memory:');
  db.exec(VIEWS_SCHEMA);
  const write = viewWriter(db);
  write({ op: 'define', table });
  const values = Array.from({ length: 500 }, (_, i) => [`m${i}`, '1', '{}', i, `o${i % 5}`, ['queued', 'sent'][i % 2]!]).flat();
  expect(fieldsOf(table)).toEqual(['at', 'owner', 'state']);
  write({ op: 'apply', name: table.name, fields: fieldsOf(table), values, checkpoint: '1', mark: null });
});
afterAll(() => db.close());

const steps = (plan: { sql: string; params: never[] } | null): string[] =>
  (db.prepare(`EXPLAIN QUERY PLAN ${plan!.sql}`).all(...plan!.params) as { detail: string }[]).map((s) => s.detail);
const find = (query: Omit<Query, 'limit'>): string[] => steps(findPlan(table, { ...query, limit: 50 }) as never);

describe('the plan of a query', () => {
  it.each<[string, Omit<Query, 'limit'>, string]>([
    ['newest first', { where: {}, sort: { by: ['at', 'id'], descending: true } }, 'by_at'],
    ['of one owner', { where: { owner: { eq: 'o1' } }, sort: { by: ['at', 'id'] } }, 'by_owner'],
    ['of one state, in a range', { where: { owner: { eq: 'o1' }, state: { eq: 'sent' }, at: { from: 3, to: 400 } }, sort: { by: ['at'] } }, 'by_state'],
    ['by a beginning', { where: { owner: { prefix: 'o' } } }, 'by_owner'],
  ])('reads one index in its order, and sorts nothing: %s', (_, query, index) => {
    const plan = find(query);
    expect(plan).toHaveLength(1);
    expect(plan[0]).toMatch(new RegExp(`(SEARCH|SCAN) t:messages@1 USING INDEX i:messages@1:${index}\\b`));
  });

  it('seeks to a page in the middle, and to each of several values, and merges only the heads', () => {
    const plan = find({ where: { owner: { eq: 'o1' }, state: { in: ['queued', 'sent'] } }, sort: { by: ['at', 'id'], descending: true }, after: [250, 'm250'] });
    const reads = plan.filter((p) => p.includes('t:messages@1'));
    expect(reads).toHaveLength(6); // two states; equal and below, below, and those without a value
    for (const r of reads) expect(r).toContain('SEARCH t:messages@1 USING INDEX i:messages@1:by_state (f_owner=? AND f_state=?');
    for (const r of reads) expect(r).toMatch(/f_at[=<]\?/);
  });

  it('counts from the index', () => {
    const plan = steps(countPlan(table, { owner: { eq: 'o1' }, at: { from: 5 } }) as never);
    expect(plan).toEqual([expect.stringContaining('SEARCH t:messages@1 USING COVERING INDEX i:messages@1:by_owner')]);
  });

  it('is none for what can have no rows', () => {
    expect(findPlan(table, { where: { owner: { in: [] } }, limit: 1 })).toBeNull();
    expect(countPlan(table, { owner: { in: [] } })).toBeNull();
  });

  it('refuses a query that falls into too many branches', () => {
    const many = Array.from({ length: 101 }, (_, i) => `o${i}`);
    expect(() => findPlan(table, { where: { owner: { in: many } }, limit: 1 })).toThrow('101 branches');
  });
});
