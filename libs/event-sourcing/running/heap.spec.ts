import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Heap } from './heap.js';

const drained = (h: Heap<number>): number[] => {
  const all: number[] = [];
  for (let v = h.pop(); v !== undefined; v = h.pop()) all.push(v);
  return all;
};

describe('a heap', () => {
  it('gives the smallest first, whatever the order of pushes and pops', () => {
    fc.assert(fc.property(fc.array(fc.option(fc.integer(), { freq: 3 })), (steps) => {
      const heap = new Heap<number>();
      let model: number[] = [];
      for (const n of steps) {
        if (n === null) { expect(heap.pop()).toBe(model.shift()); continue; }
        heap.push(n, n);
        model = [...model, n].toSorted((a, b) => a - b);
        expect([heap.peek()!.key, heap.size]).toEqual([model[0], model.length]);
      }
      expect(drained(heap)).toEqual(model);
    }));
  });

  it('retains what is still wanted, in order', () => {
    fc.assert(fc.property(fc.array(fc.integer()), fc.array(fc.integer()), (before, after) => {
      const heap = new Heap<number>();
      for (const n of before) heap.push(n, n);
      heap.retain((n) => n % 2 === 0);
      for (const n of after) heap.push(n, n);
      expect(drained(heap)).toEqual([...before.filter((n) => n % 2 === 0), ...after].toSorted((a, b) => a - b));
    }));
  });

  it('is empty when it is', () => {
    const heap = new Heap<number>();
    expect([heap.peek(), heap.pop(), heap.size]).toEqual([undefined, undefined, 0]);
  });
});
