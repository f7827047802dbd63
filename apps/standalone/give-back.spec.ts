import { describe, expect, it } from '@jest/globals';
import { getHeapSpaceStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { giveBack } from './give-back.js';

const young = (): number => getHeapSpaceStatistics().find((s) => s.space_name === 'new_space')!.space_size;

describe('giving back', () => {
  it('shrinks a young generation that loading has let grow, and leaves no `gc` behind', () => {
    const kept: object[][] = [];
    // what survives lets it grow
    for (let i = 0; i < 200; i++) { kept.push(Array.from({ length: 5_000 }, (_, n) => ({ n }))); if (kept.length > 20) kept.shift(); }
    const before = young();
    giveBack();
    expect(young()).toBeLessThan(before / 2);
    // who runs the specs may have one for himself: what is made from here on has none
    expect(runInNewContext('typeof gc')).toBe('undefined');
  });
});
