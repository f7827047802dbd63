import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Refusal } from '#libs/event-sourcing/errors';
import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { by } from '#libs/event-sourcing/testing/rooms';
import { TestClock, until } from '#libs/event-sourcing/testing/test-clock';
import { ADMINS, BeginStepDown, stepdown } from '../stepdown/stepdown.decider.js';
import type { Accounts } from './accounts.js';
import { Administration } from './administration.js';
import { ensureFirstAdmin, FIRST_ADMIN, neverUsed } from './first-admin.js';
import { person, Town } from './testing/town.js';

let town: Town, accounts: Accounts, kernel: Kernel, ids: string[];
beforeEach(async () => { town = await Town.open(); ids = []; ({ accounts, kernel } = await town.process({ clock: systemClock })); });
afterEach(() => town.close());

let asked = 0;
const ctx = (): ReturnType<typeof by> => by(`req_${++asked}`);
const admin = async (username: string): Promise<string> => {
  const { id } = await accounts.register(person({ username, role: 'admin' }), ctx());
  ids.push(id);
  return id;
};
const code = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: unknown) => { if (error instanceof Refusal) return error.code; throw error; });
/** Another process; what its view shows is every account that was ever an administrator's. */
const office = async (over: { clock?: TestClock } = {}): Promise<Administration> => {
  const other = await town.process({ clock: over.clock ?? systemClock });
  return new Administration({ accounts: other.accounts, clock: over.clock ?? systemClock, random: randomBytes, admins: async () => ids });
};
const admins = async (): Promise<number> => (await Promise.all(ids.map((id) => accounts.state(id)))).filter((s) => s?.role === 'admin' && s.status === 'active').length;

describe('administrators', () => {
  it('T11 never take their own office, nor the last one', async () => {
    const a = await admin('a');
    const administration = await office();
    const b = (await accounts.register(person({ username: 'b' }), ctx())).id;
    const before = await town.happened('user');
    for (const who of [a, b, null]) {
      expect(await code(administration.disable(a, null, who, ctx()))).toBe('last_admin');
      expect(await code(administration.changeRole(a, 'operator', who, ctx()))).toBe('last_admin');
      expect(await code(administration.delete(a, who, ctx()))).toBe('last_admin');
    }
    expect(await code(administration.delete(b, b, ctx()))).toBe('last_admin');
    expect(await town.happened('user')).toEqual(before);
    const c = await admin('c');
    expect(await code(administration.delete(c, c, ctx()))).toBe('last_admin');
    expect(await code(administration.delete(a, c, ctx()))).toBe('done');
    expect(await accounts.find('a')).toBeNull();
    expect(await town.happened('name')).toEqual(['NameClaimed', 'NameClaimed', 'NameClaimed', 'NameReleased']);
  });
  it('T11 a disabled one does not count, whatever the view says', async () => {
    const [a, b] = [await admin('a'), await admin('b')];
    const administration = await office();
    expect(await code(administration.disable(b, null, a, ctx()))).toBe('done');
    expect(await code(administration.changeRole(a, 'user', b, ctx()))).toBe('last_admin');
  });
  it('T11 who demote each other at once leave one, in two processes too', async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [await admin(`a${round}`), await admin(`b${round}`)];
      for (const id of ids.slice(0, -2)) await (await office()).delete(id, null, ctx()).catch(() => undefined);
      ids = [a, b];
      const [one, two] = [await office(), await office()];
      const answers = await Promise.all([code(one.changeRole(b, 'user', a, ctx())), code(two.changeRole(a, 'user', b, ctx()))]);
      expect(answers.sort()).toEqual(['done', 'last_admin']);
      expect(await admins()).toBe(1);
    }
  });
  it('five who all delete, disable and demote each other leave one', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await admin(name);
    const offices = await Promise.all([office(), office(), office()]);
    await Promise.all(ids.flatMap((target, i) => ids.flatMap((actor, j) => (i === j ? [] : [
      code([() => offices[0]!.delete(target, actor, ctx()), () => offices[1]!.disable(target, null, actor, ctx()), () => offices[2]!.changeRole(target, 'user', actor, ctx())][(i + j) % 3]!()),
    ]))));
    expect(await admins()).toBe(1);
  });
  it('one who died in his turn holds the next one up for a minute', async () => {
    const clock = new TestClock();
    const { accounts: here, kernel: k } = await town.process({ clock });
    accounts = here;
    const [a, b] = [await admin('a'), await admin('b')];
    await k.commands.execute(stepdown, new BeginStepDown(ADMINS, { user: a, turn: 'died' }, ctx()));
    const administration = new Administration({ accounts: here, clock, random: randomBytes, admins: async () => ids });
    let answer = '';
    void code(administration.disable(b, null, a, ctx())).then((came) => { answer = came; });
    await until('it gave up', async () => { await clock.advance(50); return answer !== ''; });
    expect([answer, clock.monotonic() < 10_000]).toEqual(['conflict', true]);
    await clock.advance(60_000);
    expect(await code(administration.disable(b, null, a, ctx()))).toBe('done');
  });
});

describe('the first administrator', () => {
  const first = (of: Accounts, password: string | null = null): Promise<string | null> => ensureFirstAdmin({ accounts: of, keyring: kernel.keyring, random: randomBytes, password });
  it('T11 is made once, of two processes that start together', async () => {
    const other = (await town.process({ clock: systemClock })).accounts;
    const shown = (await Promise.all([first(accounts), first(other)])).filter((password) => password !== null);
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatch(/^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9]{16,}$/);
    expect(await town.happened('user')).toEqual(['UserRegistered']);
    const id = (await accounts.find(FIRST_ADMIN))!;
    expect([await accounts.checkPassword(id, shown[0]!), (await accounts.state(id))!.mustChange]).toEqual([true, true]);
    expect(await first(accounts)).toBeNull();
    expect(await town.happened('user')).toEqual(['UserRegistered']);
  });
  it('T11 has the password that was given, which need not be changed', async () => {
    expect(await first(accounts, 'YourSecurePassword123')).toBeNull();
    const id = (await accounts.find(FIRST_ADMIN))!;
    expect([await accounts.checkPassword(id, 'YourSecurePassword123'), (await accounts.state(id))!.mustChange]).toEqual([true, false]);
  });
  it('is told of as long as nobody came in with what was drawn: it may have been lost before it was shown', async () => {
    const unused = (): Promise<boolean> => neverUsed({ accounts, keyring: kernel.keyring });
    expect(await unused()).toBe(false);
    await first(accounts);
    expect(await unused()).toBe(true);
    const id = (await accounts.find(FIRST_ADMIN))!;
    await accounts.changePassword(id, { password: 'AnotherOne12345', by: 'admin', mustChange: true }, ctx());
    expect(await unused()).toBe(false);
  });
  it('T11 is not made with a weak one', async () => {
    await expect(first(accounts, 'alllower1')).rejects.toThrow('ADMIN_PASSWORD must hold an upper-case letter. Set another one, or none: then one is generated.');
    expect(await town.happened('user')).toEqual([]);
  });
  it('is not made again when he was deleted, nor where somebody is called so', async () => {
    await first(accounts);
    const id = (await accounts.find(FIRST_ADMIN))!;
    ids = [id, await admin('second')];
    await (await office()).delete(id, ids[1]!, ctx());
    expect(await first(accounts)).toBeNull();
    expect(await accounts.find(FIRST_ADMIN)).toBeNull();
  });
  it('leaves a house alone in which somebody else is called so', async () => {
    await accounts.register(person({ username: 'smsADMIN' }), ctx());
    expect(await first(accounts)).toBeNull();
    expect(await town.happened('user')).toEqual(['UserRegistered']);
  });
});
