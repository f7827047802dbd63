import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Shared } from '../ports/shared.js';

/** `pass` lets this much time go by for the engine: by its clock where it has one of its own, else by waiting. */
export type OpenShared = () => Promise<{ shared: Shared; pass(ms: number): Promise<void>; close(): Promise<void> }>;

export function sharedContract(engine: string, open: OpenShared): void {
  describe(`${engine}: the contract of what processes share`, () => {
    let s: Awaited<ReturnType<OpenShared>>;
    beforeAll(async () => { s = await open(); });
    afterAll(() => s.close());
    const name = (): string => `k_${randomUUID()}`;

    it('adds up within a window, each key for itself, and begins again after it', async () => {
      const [a, b] = [name(), name()];
      const first = await s.shared.add(a, 2, 1000);
      expect(first.total).toBe(2);
      expect(first.resetMs).toBeGreaterThan(0);
      expect(first.resetMs).toBeLessThanOrEqual(1000);
      expect((await s.shared.add(a, 3, 1000)).total).toBe(5);
      expect((await s.shared.add(b, 1, 1000)).total).toBe(1);
      await s.pass(1000);
      expect((await s.shared.add(a, 1, 1000)).total).toBe(1);
    });

    it('loses no count among many at once', async () => {
      const key = name();
      const totals = (await Promise.all(Array.from({ length: 50 }, () => s.shared.add(key, 1, 60_000)))).map((a) => a.total);
      expect(totals.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    });

    it('gives a lease to one holder, who may prolong it', async () => {
      const lease = name();
      const answers = await Promise.all(['a', 'b', 'c'].map((holder) => s.shared.lease(lease, holder, 1000)));
      expect(answers.filter(Boolean)).toHaveLength(1);
      const holder = ['a', 'b', 'c'][answers.indexOf(true)]!;
      await s.pass(600);
      expect(await s.shared.lease(lease, holder, 1000)).toBe(true);
      await s.pass(600);
      expect(await s.shared.lease(lease, 'd', 1000)).toBe(false);
      expect(await s.shared.lease(name(), 'd', 1000)).toBe(true);
    });

    it('gives a lease that ran out to the next', async () => {
      const lease = name();
      expect(await s.shared.lease(lease, 'a', 500)).toBe(true);
      await s.pass(500);
      expect(await s.shared.lease(lease, 'b', 500)).toBe(true);
      expect(await s.shared.lease(lease, 'a', 500)).toBe(false);
    });
  });
}
