import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Mark, Query, ReadModels, RowChange, Value } from '../ports/read-models.js';
import { change, position, readModelsQueries } from './read-models-queries.contract.js';

/** What every store of views holds to. Collections of others may be there: each test uses its own. */
export function readModelsContract(engine: string, open: () => Promise<{ models: ReadModels; close(): Promise<void> }>): void {
  describe(`${engine}: the read models' contract`, () => {
    let models: ReadModels;
    let close: () => Promise<void>;
    let name: string;
    beforeAll(async () => { ({ models, close } = await open()); });
    afterAll(() => close());
    beforeEach(async () => {
      name = `view-${randomUUID()}@1`;
      await models.define({ name, indexes: { by_owner: ['owner', 'n'] } });
    });

    const ids = async (query: Partial<Query> = {}): Promise<string[]> => (await models.find(name, { where: {}, limit: 1000, ...query })).map((r) => r.id);

    describe('rows', () => {
      it('come back as they were written, with their position', async () => {
        const row = { owner: 'o', n: 1, text: 'grüße 👋', nested: { a: [1, null, { b: true }] } };
        await models.apply(name, [change('a', 1, row), change('b', 2, { owner: 'o' })], position(2));
        expect(await models.get(name, 'a')).toEqual(change('a', 1, row));
        expect(await models.get(name, 'c')).toBeNull();
        expect(await models.getMany(name, ['a', 'b', 'c'])).toEqual(new Map([['a', change('a', 1, row)], ['b', change('b', 2, { owner: 'o' })]]));
        expect(await models.getMany(name, [])).toEqual(new Map());
      });

      it('are written only over a lower position, in whatever order they come', async () => {
        await models.apply(name, [change('a', 5, { n: 5 })], null);
        await models.apply(name, [change('a', 4, { n: 4 }), change('a', 5, { n: 55 }), change('b', 1, { n: 1 })], null);
        expect(await models.get(name, 'a')).toEqual(change('a', 5, { n: 5 }));
        expect(await models.get(name, 'b')).toEqual(change('b', 1, { n: 1 }));
        await models.apply(name, [change('a', 6, { n: 6 }), change('a', 7, { n: 7 })], null);
        expect(await models.get(name, 'a')).toEqual(change('a', 7, { n: 7 }));
      });

      it('leave a tombstone: hidden from queries, seen by a fold, and nothing older comes back over it', async () => {
        await models.apply(name, [change('a', 1, { owner: 'o', n: 1 }), change('b', 1, { owner: 'o', n: 2 })], null);
        await models.apply(name, [change('a', 5, null)], null);
        await models.apply(name, [change('a', 4, { owner: 'o', n: 4 })], null);
        expect(await models.get(name, 'a')).toBeNull();
        expect(await models.getMany(name, ['a'])).toEqual(new Map([['a', change('a', 5, null)]]));
        expect(await ids()).toEqual(['b']);
        expect(await models.count(name, { owner: { eq: 'o' } })).toBe(1);
        await models.apply(name, [change('a', 6, { owner: 'o', n: 6 })], null);
        expect(await ids({ where: { owner: { eq: 'o' } } })).toEqual(['b', 'a']);
      });

      it('leave the indexes when they change', async () => {
        await models.apply(name, [change('a', 1, { owner: 'one', n: 1 })], null);
        await models.apply(name, [change('a', 2, { owner: 'two', n: 1 })], null);
        expect(await ids({ where: { owner: { eq: 'one' } } })).toEqual([]);
        expect(await ids({ where: { owner: { eq: 'two' } } })).toEqual(['a']);
      });

      it('are safe from two projectors at once', async () => {
        const batch = (from: number): RowChange[] => Array.from({ length: 50 }, (_, i) => change(`row${i}`, from + i, { owner: 'o', n: from + i }));
        await Promise.all([1, 101, 51, 151, 101].map((from) => models.apply(name, batch(from), position(from + 49))));
        const rows = await models.find(name, { where: {}, limit: 100 });
        expect(rows.map((r) => r.position).toSorted()).toEqual(Array.from({ length: 50 }, (_, i) => position(151 + i)));
        expect(rows.every((r) => position(r.row['n'] as number) === r.position)).toBe(true);
        expect(await models.checkpoint(name)).toBe(position(200));
      });

      it('take a batch of 1,000, and each of its own size up to 64 kB', async () => {
        await models.apply(name, Array.from({ length: 1000 }, (_, i) => change(`r${i}`, i + 1, { owner: 'o', n: i, text: 'x'.repeat(i % 100 === 0 ? 60_000 : 10) })), position(1000));
        expect(await models.count(name, {})).toBe(1000);
        expect((await models.get(name, 'r900'))?.row).toMatchObject({ n: 900, text: 'x'.repeat(60_000) });
      });
    });

    describe('checkpoints', () => {
      it('say how far the log was seen, also when no row was touched, and never go back', async () => {
        expect(await models.checkpoint(name)).toBeNull();
        await models.apply(name, [], position(7));
        expect(await models.checkpoint(name)).toBe(position(7));
        await models.apply(name, [change('a', 8, {})], null);
        await models.apply(name, [], position(3));
        expect(await models.checkpoint(name)).toBe(position(7));
      });

      it('have a mark beside them, written with them: the highest stays, also where one comes without', async () => {
        const mark = (n: number, stream = `parcel-${n}`): Mark => ({ position: position(n), stream, revision: n, id: `e${n}`, at: '2030-01-01T00:00:00.000Z' });
        expect(await models.mark(name)).toBeNull();
        await models.apply(name, [change('a', 1, {})], position(2));
        expect(await models.mark(name)).toBeNull();
        await models.apply(name, [change('a', 8, {})], position(9), mark(8));
        expect([await models.checkpoint(name), await models.mark(name)]).toEqual([position(9), mark(8)]);
        await models.apply(name, [], position(10));
        await models.apply(name, [], position(7), mark(5, 'parcel-zzz'));
        expect([await models.checkpoint(name), await models.mark(name)]).toEqual([position(10), mark(8)]);
        await Promise.all([11, 13, 12].map((n) => models.apply(name, [], position(n + 1), mark(n, `parcel-${20 - n}`))));
        expect([await models.checkpoint(name), await models.mark(name)]).toEqual([position(14), mark(13, 'parcel-7')]);
        await models.define({ name, indexes: { by_n: ['n'] } });
        expect(await models.mark(name)).toEqual(mark(13, 'parcel-7'));
        await models.drop(name);
        await models.define({ name, indexes: {} });
        expect(await models.mark(name)).toBeNull();
      });

      it('are listed with the collections', async () => {
        await models.apply(name, [change('a', 1, {}), change('b', 2, {}), change('c', 3, null)], position(3));
        expect((await models.collections()).find((c) => c.name === name)).toEqual({ name, rows: 2, checkpoint: position(3) });
      });
    });

    describe('collections', () => {
      it('may be defined again, and with other indexes: the rows stay and are found by them', async () => {
        await models.apply(name, [change('a', 1, { owner: 'o', n: 2, flag: true }), change('b', 2, { owner: 'p', n: 1 }), change('c', 3, null)], position(3));
        await models.define({ name, indexes: { by_owner: ['owner', 'n'] } });
        await expect(models.find(name, { where: { flag: { eq: true } }, limit: 1 })).rejects.toThrow();
        await models.define({ name, indexes: { by_flag: ['flag'], by_n: ['n'] } });
        expect(await ids({ where: { flag: { eq: true } } })).toEqual(['a']);
        expect(await ids({ where: {}, sort: { by: ['n'] } })).toEqual(['b', 'a']);
        await expect(models.find(name, { where: { owner: { eq: 'o' } }, limit: 1 })).rejects.toThrow();
        expect(await models.checkpoint(name)).toBe(position(3));
        expect(await models.getMany(name, ['c'])).toEqual(new Map([['c', change('c', 3, null)]]));
      });

      it('are forgotten as a whole', async () => {
        await models.apply(name, [change('a', 1, { owner: 'o' })], position(1));
        await models.drop(name);
        await models.drop(name);
        expect((await models.collections()).some((c) => c.name === name)).toBe(false);
        await models.define({ name, indexes: {} });
        expect(await models.get(name, 'a')).toBeNull();
        expect(await models.checkpoint(name)).toBeNull();
      });

      it('must be defined before they are used, under names that are names', async () => {
        await expect(models.find(`undefined-${randomUUID()}@1`, { where: {}, limit: 1 })).rejects.toThrow();
        for (const bad of ['a.b', '$where', 'a"; DROP TABLE x; --', '', 'ä']) {
          await expect(models.define({ name: `bad-${randomUUID()}@1`, indexes: { i: [bad] } })).rejects.toThrow();
        }
      });
    });

    describe('queries', () => { readModelsQueries(() => models, () => name); });

    it('takes a value for nothing but a value', async () => {
      await models.apply(name, [change('a', 1, { owner: 'o', n: 1 })], null);
      for (const text of ["' OR 1=1--", '"', '%', '$gt', '{"$ne":null}']) {
        expect(await ids({ where: { owner: { eq: text } } })).toEqual([]);
        await models.apply(name, [change(`row ${text}`, 2, { owner: text, n: 2 })], null);
        expect(await ids({ where: { owner: { eq: text } } })).toEqual([`row ${text}`]);
      }
      for (const value of [{ $ne: null }, ['o']] as unknown as Value[]) await expect(ids({ where: { owner: { eq: value } } })).rejects.toThrow();
    });
  });
}
