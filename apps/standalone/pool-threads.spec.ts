import { expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { NICENESS, poolGivesWay } from './pool-threads.js';

it('sets back the threads of the pool, and no other', async () => {
  const many = await poolGivesWay();
  if (!existsSync('/proc/self/task')) return expect(many).toBe(0);
  const threads = readdirSync('/proc/self/task').map((id) => [readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === 'libuv-worker', getPriority(Number(id)) >= NICENESS]);
  expect(many).toBeGreaterThan(0);
  expect(threads.filter(([pool]) => pool)).toEqual(Array(many).fill([true, true]));
  expect(threads.filter(([pool, back]) => !pool && back)).toEqual([]);
});
