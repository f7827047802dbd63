import { expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import { patiently } from './patiently.js';

const failing = (times: number, error: Error) => { let n = 0; return { open: () => (++n <= times ? Promise.reject(error) : Promise.resolve('open')), tries: () => n }; };

it('tries again where a server did not answer, three times in all, and says so', async () => {
  const said: string[] = [], twice = failing(2, new Unavailable('MongoDB (views)')), always = failing(9, new Unavailable('the log'));
  expect(await patiently(twice.open, (what) => said.push(what))).toBe('open');
  expect(said).toEqual(Array(2).fill('MongoDB (views) is not available at the moment'));
  await expect(patiently(always.open, () => undefined)).rejects.toThrow('the log is not available');
  expect(always.tries()).toBe(3);
});
it('does not try again what no server can mend', async () => {
  const wrong = failing(9, new Error('a wrong key'));
  await expect(patiently(wrong.open, () => undefined)).rejects.toThrow('a wrong key');
  expect(wrong.tries()).toBe(1);
});
