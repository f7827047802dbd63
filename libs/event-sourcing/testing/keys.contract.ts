import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { KeyCandidate, Keys } from '../ports/keys.js';

const candidate = (hash = `hash_${randomUUID()}`): KeyCandidate => ({ hash, id: `sub_${randomUUID()}`, wrapped: Buffer.from(randomUUID()) });
const bytes = (b: Uint8Array): string => Buffer.from(b).toString('latin1');
const plain = (r: { id: string; wrapped: Uint8Array } | 'forgotten' | undefined): unknown => (typeof r === 'object' ? { id: r.id, wrapped: bytes(r.wrapped) } : r);
const recordOf = ({ id, wrapped }: KeyCandidate): unknown => plain({ id, wrapped });

/** What every key directory holds to. It may hold others' keys: each test uses its own. */
export function keysContract(engine: string, open: () => Promise<{ keys: Keys; close(): Promise<void> }>): void {
  describe(`${engine}: the key directory's contract`, () => {
    let keys: Keys;
    let close: () => Promise<void>;
    beforeAll(async () => { ({ keys, close } = await open()); });
    afterAll(() => close());

    it('takes the first candidate for a hash and answers it to all others, in order', async () => {
      const [a, b] = [candidate(), candidate()];
      const rival = candidate(a.hash);
      expect((await keys.claim([a, b])).map(plain)).toEqual([recordOf(a), recordOf(b)]);
      expect((await keys.claim([b, rival])).map(plain)).toEqual([recordOf(b), recordOf(a)]);
      expect((await keys.keys([rival.id])).size).toBe(0);
    });

    it('has one winner among many at once, and within one call', async () => {
      const hash = `hash_${randomUUID()}`;
      const answers = (await Promise.all(Array.from({ length: 20 }, () => keys.claim([candidate(hash), candidate(hash)])))).flat().map(plain);
      expect(new Set(answers.map((a) => JSON.stringify(a))).size).toBe(1);
      expect(await keys.find([hash])).toEqual([(answers[0] as { id: string }).id]);
    });

    it('finds without making, in order', async () => {
      const a = candidate();
      const unknown = `hash_${randomUUID()}`;
      await keys.claim([a]);
      expect(await keys.find([unknown, a.hash, unknown])).toEqual([null, a.id, null]);
      expect(await keys.find([unknown])).toEqual([null]);
      expect(await keys.find([])).toEqual([]);
    });

    it('answers keys by id, without those never issued', async () => {
      const [a, b] = [candidate(), candidate()];
      await keys.claim([a, b]);
      const found = await keys.keys([b.id, `sub_${randomUUID()}`, a.id]);
      expect(Object.fromEntries([...found].map(([id, r]) => [id, plain(r)]))).toEqual({ [a.id]: recordOf(a), [b.id]: recordOf(b) });
    });

    it('forgets for good: no material, no hash; the same person later is somebody new', async () => {
      const [a, b] = [candidate(), candidate()];
      await keys.claim([a, b]);
      await keys.forget([a.id]);
      await keys.forget([a.id, `sub_${randomUUID()}`]);
      expect(plain((await keys.keys([a.id, b.id])).get(a.id))).toBe('forgotten');
      expect(await keys.find([a.hash, b.hash])).toEqual([null, b.id]);
      await keys.rewrap([{ id: a.id, wrapped: Buffer.from('back again') }]);
      expect(plain((await keys.keys([a.id])).get(a.id))).toBe('forgotten');
      expect((await keys.claim([{ ...candidate(), id: a.id }])).map(plain)).toEqual(['forgotten']);
      const anew = candidate(a.hash);
      expect((await keys.claim([anew])).map(plain)).toEqual([recordOf(anew)]);
    });

    it('never issues a forgotten period again', async () => {
      const period = candidate(`period:messages-${randomUUID()}:2026-01-02`);
      await keys.claim([period]);
      await keys.forget([period.id]);
      expect((await keys.claim([candidate(period.hash)])).map(plain)).toEqual(['forgotten']);
      expect(plain((await keys.keys([period.id])).get(period.id))).toBe('forgotten');
    });

    it('leads several hashes to one key, and forgets them together', async () => {
      const a = candidate();
      const second = { ...a, hash: `hash_${randomUUID()}` };
      await keys.claim([a]);
      expect((await keys.claim([second])).map(plain)).toEqual([recordOf(a)]);
      expect(await keys.find([a.hash, second.hash])).toEqual([a.id, a.id]);
      await keys.forget([a.id]);
      expect(await keys.find([a.hash, second.hash])).toEqual([null, null]);
    });

    it('takes a new wrapping for a key that is there, and makes none', async () => {
      const a = candidate();
      const never = `sub_${randomUUID()}`;
      await keys.claim([a]);
      await keys.rewrap([{ id: a.id, wrapped: Buffer.from('rewrapped') }, { id: never, wrapped: Buffer.from('x') }]);
      const found = await keys.keys([a.id, never]);
      expect(plain(found.get(a.id))).toEqual({ id: a.id, wrapped: 'rewrapped' });
      expect(found.has(never)).toBe(false);
    });

    it('lists every key that is still there, page by page', async () => {
      const mine = Array.from({ length: 12 }, () => candidate());
      await keys.claim(mine);
      await keys.forget([mine[0]!.id]);
      const seen: string[] = [];
      for (let after: string | null = null; ;) {
        const page = await keys.list(after, 5);
        if (page.length === 0) break;
        seen.push(...page.map((r) => r.id));
        after = page.at(-1)!.id;
      }
      expect(seen).toEqual(seen.toSorted());
      expect(new Set(seen).size).toBe(seen.length);
      expect(mine.filter((m) => seen.includes(m.id))).toHaveLength(11);
      expect(seen).not.toContain(mine[0]!.id);
    });

    it('keeps the first value of a constant', async () => {
      const name = `check_${randomUUID()}`;
      const answers = await Promise.all(['one', 'two', 'three'].map((v) => keys.constant(name, Buffer.from(v))));
      const first = bytes(answers[0]!);
      expect(answers.map(bytes)).toEqual([first, first, first]);
      expect(bytes(await keys.constant(name, Buffer.from('four')))).toBe(first);
      expect(bytes(await keys.constant(`${name}2`, Buffer.from('five')))).toBe('five');
    });
  });
}
