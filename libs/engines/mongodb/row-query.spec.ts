import { describe, expect, it } from '@jest/globals';
import type { Document } from 'mongodb';
import fc from 'fast-check';
import type { Condition, Query, Value } from '#libs/event-sourcing/ports/read-models';
import { indexed } from '#libs/event-sourcing/running/served-by';
import { type Filtered, countedFor, fieldsOf, foundBy, indexesOf } from './row-query.js';

const view = indexed('messages@1', { by_owner_state_at: ['owner', 'state', 'at'], by_state: ['state'], by_at: ['at'], same_as_by_at: ['at', 'id'] });
const indexes = new Map(indexesOf(view).map(({ name, key }) => [name, Object.keys(key as Document)]));

/** What MongoDB needs to answer a branch from the index alone, in its order: equality on its first fields, a range on the next, the sort on what follows. */
function isServed({ filter, hint }: Filtered, sort: Record<string, 1 | -1> = {}): boolean {
  const key = indexes.get(hint);
  if (!key || new Set(Object.values(sort)).size > 1) return false;
  return ((filter['$or'] as Document[] | undefined) ?? [filter]).every((whole) => {
    const { $and = [], ...plain } = whole as { $and?: Document[] } & Document;
    const conditions = [plain, ...$and].flatMap((d) => Object.entries(d) as [string, unknown][]);
    const equal = new Set(conditions.filter(([, c]) => c === 1 || '$eq' in (c as Document) || '$in' in (c as Document)).map(([f]) => f));
    const ranged = new Set(conditions.map(([f]) => f).filter((f) => !equal.has(f)));
    const first = key.findIndex((f) => !equal.has(f));
    const [prefix, rest] = first < 0 ? [key, []] : [key.slice(0, first), key.slice(first)];
    const order = Object.keys(sort).filter((f) => !equal.has(f));
    return prefix.length === equal.size && ranged.size <= 1 && [...ranged].every((f) => f === rest[0]) && order.every((f, i) => f === rest[i]);
  });
}
const find = (query: Omit<Query, 'limit'>): ReturnType<typeof foundBy> => foundBy(view, { ...query, limit: 50 });

describe('a query of MongoDB', () => {
  it('is served by the declared index that it names, whatever is asked', () => {
    const value = fc.constantFrom<Value>(null, true, '', 'a', 'é', 0, -3);
    const fixed: fc.Arbitrary<Condition> = fc.oneof(fc.record({ eq: value }), fc.record({ in: fc.uniqueArray(value, { maxLength: 3 }) }));
    const moving: fc.Arbitrary<Condition> = fc.oneof(fixed, fc.record({ prefix: fc.constantFrom('', 'a') }), fc.record({ from: fc.integer() }), fc.record({ to: fc.constantFrom('a', 'z') }));
    const asked = fc.record({ where: fc.record({ owner: fixed, state: moving, at: moving, id: moving }, { requiredKeys: [] }), by: fc.subarray(['owner', 'state', 'at', 'id']), descending: fc.boolean(), after: fc.boolean() });
    let served = 0;
    fc.assert(fc.property(asked, ({ where, by, descending, after }) => {
      let plan: ReturnType<typeof find>;
      try { plan = find({ where: where as Query['where'], sort: { by, descending }, ...(after && by.length > 0 && { after: by.map(() => 'x') }) }); } catch { return; }
      if (!plan) return;
      served++;
      if (!isServed(plan, plan.sort)) throw new Error(`${JSON.stringify(plan)} is not served`);
    }), { numRuns: 5000 });
    expect(served).toBeGreaterThan(100);
  });

  it('goes through the index one way, and begins a later page where the last one ended', () => {
    expect(find({ where: { owner: { eq: 'o' }, state: { in: ['queued'] } }, sort: { by: ['at', 'id'], descending: true }, after: [5, 'm5'] })).toEqual({
      hint: 'by.owner.state.at', sort: { 'v.f_at': -1, _id: -1 }, skip: 0, limit: 50,
      filter: { $or: [
        { 'v.live': 1, 'v.f_owner': { $eq: 'so' }, 'v.f_state': { $eq: 'squeued' }, 'v.f_at': { $eq: 'nc014000000000000' }, _id: { $lt: 'm5' } },
        { 'v.live': 1, 'v.f_owner': { $eq: 'so' }, 'v.f_state': { $eq: 'squeued' }, 'v.f_at': { $lt: 'nc014000000000000' } },
      ] },
    });
    expect(countedFor(view, { at: { prefix: '2026' } })).toEqual({ hint: 'by.at', filter: { 'v.live': 1, 'v.f_at': { $gte: 's2026', $lt: 's2027' } } });
  });

  it('the check knows what is not served', () => {
    expect(isServed({ filter: { 'v.live': 1, 'v.f_at': { $eq: 's' } }, hint: 'by.state' })).toBe(false);
    expect(isServed({ filter: { 'v.live': 1, 'v.f_state': { $gt: 's' } }, hint: 'by.state' }, { _id: 1 })).toBe(false);
    expect(isServed({ filter: { 'v.f_state': { $eq: 's' } }, hint: 'by.state' })).toBe(false);
    expect(isServed({ filter: { 'v.live': 1 }, hint: 'by.body' })).toBe(false);
  });

  it('a collection has one index per set of fields, one by id, and keys for what they name', () => {
    expect([...indexes]).toEqual([
      ['by', ['v.live', '_id']], ['by.at', ['v.live', 'v.f_at', '_id']], ['by.owner.state.at', ['v.live', 'v.f_owner', 'v.f_state', 'v.f_at', '_id']], ['by.state', ['v.live', 'v.f_state', '_id']],
    ]);
    expect(fieldsOf(view)).toEqual(['at', 'owner', 'state']);
  });
});
