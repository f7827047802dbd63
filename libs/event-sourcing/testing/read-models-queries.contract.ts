import { beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Condition, Query, ReadModels, RowChange, Value } from '../ports/read-models.js';
import type { Row } from '../projection.js';

export const position = (n: number): string => String(n).padStart(16, '0');
export const change = (id: string, at: number, row: Row | null): RowChange => ({ id, position: position(at), row });

const INDEXES = { by_owner_at: ['owner', 'state', 'at'], by_state: ['state'], by_at: ['at'] };
type Fields = { owner: string; state: Value; at: Value };

/** null before numbers before texts before booleans; texts in byte order. */
const rank = (v: Value): number => ['object', 'number', 'string', 'boolean'].indexOf(typeof v);
const compare = (a: Value, b: Value): number => {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a === b) return 0;
  return a! < b! ? -1 : 1;
};
const holds = (v: Value, c: Condition): boolean => {
  if ('eq' in c) return v === c.eq;
  if ('in' in c) return c.in.includes(v);
  if ('prefix' in c) return typeof v === 'string' && v.startsWith(c.prefix);
  const kind = rank((c.from ?? c.to)!);
  return rank(v) === kind && (c.from === undefined || compare(v, c.from) >= 0) && (c.to === undefined || compare(v, c.to) < 0);
};

/** Every query is served by a declared index, in its order, page by page; what no index serves is refused. */
export function readModelsQueries(models: () => ReadModels, name: () => string): void {
  let serial = 0;
  const put = (rows: Fields[]): Promise<void> => models().apply(name(), rows.map((r, i) => change(`id${String(i).padStart(4, '0')}`, ++serial, r)), null);
  const find = async (query: Partial<Query>): Promise<string[]> =>
    (await models().find(name(), { where: {}, limit: 1000, ...query })).map((r) => r.id);

  beforeEach(() => models().define({ name: name(), indexes: INDEXES }));

  it('find by equality, by one of several, by a range and by a beginning', async () => {
    await put([
      { owner: 'a', state: 'queued', at: 1 }, { owner: 'a', state: 'sent', at: 2 }, { owner: 'b', state: 'sent', at: 3 },
      { owner: 'a', state: null, at: '2026-01-02' }, { owner: 'a', state: true, at: '2026-02-03' },
    ]);
    expect(await find({ where: { state: { eq: 'sent' } } })).toEqual(['id0001', 'id0002']);
    expect(await find({ where: { owner: { eq: 'a' }, state: { in: ['queued', 'sent', 'no'] } } })).toEqual(['id0000', 'id0001']);
    expect(await find({ where: { owner: { eq: 'a' }, state: { eq: null } } })).toEqual(['id0003']);
    expect(await find({ where: { owner: { eq: 'a' }, state: { eq: true } } })).toEqual(['id0004']);
    expect(await find({ where: { at: { from: 2, to: 3 } } })).toEqual(['id0001']);
    expect(await find({ where: { at: { from: 2 } } })).toEqual(['id0001', 'id0002']);
    expect(await find({ where: { at: { to: '2026-02' } } })).toEqual(['id0003']);
    expect(await find({ where: { at: { prefix: '2026-0' } } })).toEqual(['id0003', 'id0004']);
    expect(await find({ where: { id: { in: ['id0001', 'id0004', 'none'] } } })).toEqual(['id0001', 'id0004']);
    expect(await find({ where: { state: { in: [] } } })).toEqual([]);
    expect(await models().count(name(), { owner: { eq: 'a' }, state: { in: ['queued', 'sent'] } })).toBe(2);
    expect(await models().count(name(), { at: { prefix: '2026' } })).toBe(2);
    expect(await models().count(name(), {})).toBe(5);
  });

  it('refuse what no declared index serves', async () => {
    const unserved: Partial<Query>[] = [
      { where: { body: { eq: 'x' } } },
      { where: { owner: { eq: 'a' }, at: { from: 1 } } },
      { where: { owner: { prefix: 'a' }, state: { eq: 'x' } } },
      { where: { state: { eq: 'x' }, at: { eq: 1 } } },
      { where: {}, sort: { by: ['body'] } },
      { where: { owner: { eq: 'a' } }, sort: { by: ['at'] } },
      { where: { owner: { eq: 'a' } }, sort: { by: ['state', 'id'] } },
      { where: { state: { from: 'a' } }, sort: { by: ['at'] } },
      { where: { state: { in: ['a', 'b'] } }, sort: { by: ['state'] } },
      { where: { at: {} } },
      { where: { at: { from: 1, to: 'x' } } },
      { where: { at: { from: 1 } }, sort: { by: ['at', 'id'] }, after: [1] },
      { where: {}, limit: 1001 }, { where: {}, limit: 0 },
      { where: {}, skip: 10_001 }, { where: {}, skip: -1 }, { where: {}, skip: 1.5 },
      { where: {}, sort: { by: ['at', 'id'] }, after: [1, 'a'], skip: 1 },
    ];
    for (const query of unserved) await expect(find(query)).rejects.toThrow();
    await expect(models().count(name(), { body: { eq: 'x' } })).rejects.toThrow();
  });

  it('page through equal values and through those that are missing, both ways, without gap or double', async () => {
    await put(Array.from({ length: 40 }, (_, i) => ({ owner: 'a', state: ['s', 't'][i % 2]!, at: i % 4 === 0 ? null : Math.floor(i / 8) })));
    for (const descending of [false, true]) {
      const seen: string[] = [];
      let after: Value[] | undefined;
      for (;;) {
        const page = await models().find<Fields>(name(), { where: { owner: { eq: 'a' }, state: { in: ['s', 't'] } }, sort: { by: ['at', 'id'], descending }, limit: 7, ...(after && { after }) });
        seen.push(...page.map((r) => r.id));
        if (page.length < 7) break;
        after = [page.at(-1)!.row.at, page.at(-1)!.id];
      }
      expect(seen).toHaveLength(40);
      expect(new Set(seen).size).toBe(40);
    }
  });

  it('pass over rows for lists with page numbers, over several values too', async () => {
    await put(Array.from({ length: 30 }, (_, i) => ({ owner: 'a', state: ['s', 't', 'u'][i % 3]!, at: i })));
    const wanted = Array.from({ length: 30 }, (_, i) => i).filter((i) => i % 3 !== 2).map((i) => `id${String(i).padStart(4, '0')}`).toReversed();
    const page = (skip: number): Promise<string[]> => find({ where: { owner: { eq: 'a' }, state: { in: ['s', 't'] } }, sort: { by: ['at', 'id'], descending: true }, limit: 6, skip });
    for (const skip of [0, 6, 18, 20, 1_000]) expect(await page(skip)).toEqual(wanted.slice(skip, skip + 6));
  });

  it('answer as a plain filter and sort would, whatever is asked and stored', async () => {
    const value: fc.Arbitrary<Value> = fc.oneof(fc.constantFrom<Value>(null, true, false, '', 'a', 'ab', 'ac', 'b', 'é', '日本'), fc.integer({ min: -3, max: 3 }));
    const field = fc.record({ owner: fc.constantFrom('a', 'b'), state: value, at: value });
    const fixed = fc.oneof(fc.record({ eq: value }), fc.record({ in: fc.array(value, { maxLength: 3 }) }));
    const text = fc.constantFrom('', 'a', 'ab', 'b', 'é');
    const moving: fc.Arbitrary<Condition | null> = fc.oneof(
      fc.constant(null), fixed, text.map((prefix) => ({ prefix })),
      fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 })).map(([from, to]) => ({ from, to })),
      text.map((from) => ({ from })), fc.integer({ min: -3, max: 3 }).map((to) => ({ to })),
    );
    const input = fc.record({ rows: fc.array(field, { maxLength: 25 }), state: fixed, at: moving, descending: fc.boolean(), limit: fc.integer({ min: 1, max: 5 }) });
    let run = 0;
    await fc.assert(fc.asyncProperty(input, async ({ rows, state, at, descending, limit }) => {
      const collection = `${name().replace('@', `-${++run}@`)}`;
      await models().define({ name: collection, indexes: INDEXES });
      await models().apply(collection, rows.map((r, i) => change(`id${String(i).padStart(4, '0')}`, i + 1, r)), null);
      const where: Query['where'] = { owner: { eq: 'a' }, state, ...(at && { at }) };
      const wanted = rows.map((row, i) => ({ id: `id${String(i).padStart(4, '0')}`, row }))
        .filter(({ row }) => row.owner === 'a' && holds(row.state, state) && (!at || holds(row.at, at)))
        .toSorted((x, y) => (compare(x.row.at, y.row.at) || compare(x.id, y.id)) * (descending ? -1 : 1));
      expect(await models().count(collection, where)).toBe(wanted.length);
      const under = at && 'in' in at ? ['id'] : ['at', 'id'];
      if (at && 'in' in at) wanted.sort((x, y) => compare(x.id, y.id) * (descending ? -1 : 1));
      const seen: string[] = [];
      for (let after: Value[] | undefined; ;) {
        const page = await models().find<Fields>(collection, { where, sort: { by: under, descending }, limit, ...(after && { after }) });
        seen.push(...page.map((r) => r.id));
        if (page.length < limit) break;
        const last = page.at(-1)!;
        after = under.map((f) => (f === 'id' ? last.id : last.row.at));
      }
      expect(seen).toEqual(wanted.map((w) => w.id));
      await models().drop(collection);
    }), { numRuns: 60 });
  });
}
