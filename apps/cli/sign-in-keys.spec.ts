import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LivedInHouse, until } from './testing/lived-in-house.js';

interface Key { id: string; signs: boolean }

describe('keys that sign tokens, on the command line', () => {
  const lived = new LivedInHouse();
  beforeAll(async () => {
    await lived.prepare();
    await lived.start();
  });
  afterAll(() => lived.end());
  const list = async (): Promise<Key[]> => (await lived.json('sign-in-keys', 'list'))['keys'] as Key[];
  const token = async (): Promise<string> => (await lived.house!.people.tokens.issue({ user: 'usr_1', session: 'ses_1', n: 0, expiresAt: '2999-01-01T00:00:00.000Z' })).access;
  const counts = async (text: string): Promise<boolean> => (await lived.house!.people.tokens.verifyAccess(text)) !== null;

  it('a new one signs, in the running server too; what the one before signed counts to its end', async () => {
    const [first] = await list();
    const before = await token();
    const { keys, retired } = await lived.json('sign-in-keys', 'rotate') as { keys: Key[]; retired: string[] };
    expect([keys.map((k) => k.signs), retired]).toEqual([[false, true], []]);
    expect(keys[0]!.id).toBe(first!.id);
    await until(async () => (await token()).split('.')[0] !== before.split('.')[0]);
    expect([await counts(before), await counts(await token())]).toEqual([true, true]);
    expect((await lived.run('sign-in-keys', 'list')).out).toMatch(/SIGNED UNTIL[^]*it signs/);
  });
  it('all others are retired when that is asked for: everybody signs in anew', async () => {
    const before = await token();
    const { keys, retired } = await lived.json('sign-in-keys', 'rotate', '--retire-all') as { keys: Key[]; retired: string[] };
    expect([keys.length, retired.length]).toEqual([1, 2]);
    await until(async () => !(await counts(before)));
    expect(await counts(await token())).toBe(true);
  });
});
