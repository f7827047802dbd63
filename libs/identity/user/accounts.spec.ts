import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Refusal } from '#libs/event-sourcing/errors';
import { by } from '#libs/event-sourcing/testing/rooms';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { randomBytes } from 'node:crypto';
import { ClaimName, name } from '../name/name.decider.js';
import { Passwords } from '../password/passwords.js';
import type { Accounts } from './accounts.js';
import { CHEAP, person, Town } from './testing/town.js';
import { DeleteUser, user } from './user.decider.js';

let town: Town;
let clock: TestClock;
let accounts: Accounts;
beforeEach(async () => { town = await Town.open(); clock = new TestClock(); ({ accounts } = await town.process({ clock })); });
afterEach(() => town.close());

let asked = 0;
const ctx = (): ReturnType<typeof by> => by(`req_${++asked}`);
const code = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: unknown) => { if (error instanceof Refusal) return error.code; throw error; });
/** The id under which the key directory knows a username. */
const nameId = async (kernel: Awaited<ReturnType<Town['process']>>['kernel'], folded: string): Promise<string> => (await kernel.keyring.subjects([{ kind: 'account', value: `name:${folded}` }]))[0]!.id;

describe('accounts', () => {
  it('are made with their names, and found by them', async () => {
    const { id, state, made } = await accounts.register(person({ username: 'Alice', email: 'Alice@Example.com', fullName: 'Alice Smith' }), ctx());
    expect(id).toMatch(/^usr_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
    expect([made, state.id, state.status, state.role]).toEqual([true, id, 'active', 'user']);
    for (const called of ['Alice', 'alice', 'ＡＬＩＣＥ', 'alice@example.com', 'ALICE@EXAMPLE.COM']) expect([called, await accounts.find(called)]).toEqual([called, id]);
    for (const called of ['bob', 'alice@example.org', 'alice@', '@', '', 'x'.repeat(5_000)]) expect(await accounts.find(called)).toBeNull();
    expect(await accounts.names((await accounts.state(id))!)).toEqual({ username: 'Alice', email: 'Alice@Example.com', fullName: 'Alice Smith' });
  });
  it('keep nothing of the person in the open', async () => {
    await accounts.register(person({ username: 'alice-in-the-open', email: 'open@example.com', fullName: 'Alice Open' }), ctx());
    const log = JSON.stringify((await town.room.engine.eventStore.readAll(null, [], 100)).events);
    expect(log).toContain('UserRegistered');
    for (const word of ['alice-in-the-open', 'open@example.com', 'Alice Open', 'argon2id', 'Passw0rd']) expect(log).not.toContain(word);
  });
  it('T10 have names of their own, also where two ask at once, in two processes', async () => {
    const other = (await town.process({ clock })).accounts;
    const answers = await Promise.all([accounts, other, accounts, other].map((a) => code(a.register(person({ username: 'admin' }), ctx()))));
    expect(answers.sort()).toEqual(['done', 'name_taken', 'name_taken', 'name_taken']);
    expect(await town.happened('user')).toEqual(['UserRegistered']);
    for (const same of ['ADMIN', 'ＡＤＭＩＮ', 'Admin', 'aDmIn']) expect([same, await code(accounts.register(person({ username: same }), ctx()))]).toEqual([same, 'name_taken']);
    expect(await town.happened('user')).toEqual(['UserRegistered']);
  });
  it('let go of a name where the other one is taken', async () => {
    await accounts.register(person({ username: null, email: 'a@example.com' }), ctx());
    expect(await code(accounts.register(person({ username: 'bob', email: 'A@EXAMPLE.COM' }), ctx()))).toBe('name_taken');
    expect(await code(accounts.register(person({ username: 'bob' }), ctx()))).toBe('done');
  });
  it('a name that was claimed and not used is free after a minute, and not before', async () => {
    const { kernel } = await town.process({ clock });
    await kernel.commands.execute(name, new ClaimName(await nameId(kernel, 'alice'), { user: 'usr_never', kind: 'username' }, ctx()));
    expect(await accounts.find('alice')).toBeNull();
    await clock.advance(59_999);
    expect(await code(accounts.register(person(), ctx()))).toBe('name_taken');
    await clock.advance(1);
    const { id } = await accounts.register(person(), ctx());
    expect(await accounts.find('alice')).toBe(id);
    expect(await town.happened('name')).toEqual(['NameClaimed', 'NameReleased', 'NameClaimed']);
  });
  it('a claim that took too long makes no account: somebody else may have the name by now', async () => {
    const slow = new TestClock();
    const { accounts: late } = await town.process({ clock: slow });
    const store = town.room.engine.eventStore, append = store.append.bind(store);
    store.append = async (stream, ...rest) => { const done = await append(stream, ...rest); if (stream.startsWith('name-')) await slow.advance(30_001); return done; };
    await expect(late.register(person(), ctx())).rejects.toThrow('not available');
    expect(await town.happened('user')).toEqual([]);
  });
  it('a deleted one frees its names at once, even where the end of its deletion was lost', async () => {
    const { kernel } = await town.process({ clock });
    const { id } = await accounts.register(person(), ctx());
    await kernel.commands.execute(user, new DeleteUser(id, { by: null, othersRemain: true }, ctx()));
    expect(await accounts.find('alice')).toBeNull();
    expect(await code(accounts.register(person(), ctx()))).toBe('done');
  });
  it('a changed name is the only one: the old one is free, and finds nobody', async () => {
    const { id } = await accounts.register(person({ email: 'a@example.com' }), ctx());
    await accounts.changeProfile(id, { username: 'alicia', fullName: 'Alicia' }, ctx());
    expect([await accounts.find('alice'), await accounts.find('alicia'), await accounts.find('a@example.com')]).toEqual([null, id, id]);
    expect(await code(accounts.register(person(), ctx()))).toBe('done');
    expect(await code(accounts.changeProfile(id, { username: 'Alice' }, ctx()))).toBe('name_taken');
    await accounts.changeProfile(id, { username: 'Alicia' }, ctx());
    expect(await accounts.names((await accounts.state(id))!)).toEqual({ username: 'Alicia', email: 'a@example.com', fullName: 'Alicia' });
    expect(await code(accounts.changeProfile(id, { username: null, email: null }, ctx()))).toBe('validation_failed');
    expect(await accounts.find('alicia')).toBe(id);
  });
  it('T10 have only names that nobody mistakes for another, or for a word of a program', async () => {
    for (const username of ['аdmin', 'ad\u200Bmin', 'admin\u202E', 'admin ', '__proto__', '..', 'a'.repeat(65), '', 'a@b']) expect([username, await code(accounts.register(person({ username }), ctx()))]).toEqual([username, 'validation_failed']);
    expect(await town.happened('name')).toEqual([]);
    for (const username of ['SMSadmin', 'Жанна', '田中さん', 'a'.repeat(64)]) {
      const { id } = await accounts.register(person({ username }), ctx());
      expect([username, await accounts.find(username)]).toEqual([username, id]);
    }
  });
});

describe('passwords of accounts', () => {
  it('open the account, and nothing else does', async () => {
    const { id } = await accounts.register(person(), ctx());
    expect(await accounts.checkPassword(id, 'Passw0rd')).toBe(true);
    for (const wrong of ['passw0rd', 'Passw0rd ', '', 'Passw0rd\u0000x', 'x'.repeat(1_000_000)]) expect(await accounts.checkPassword(id, wrong)).toBe(false);
    expect(await accounts.checkPassword(null, 'Passw0rd')).toBe(false);
    expect(await accounts.checkPassword('usr_nobody', 'Passw0rd')).toBe(false);
  });
  it('T07 of 8 characters and more are taken at sign-up; changed and admin-set ones follow the rule', async () => {
    const { id } = await accounts.register(person({ password: 'password123' }), ctx());
    for (const password of ['alllower1', 'ALLUPPER1', 'NoDigitsHere', 'Short1a', `A1${'a'.repeat(127)}`]) {
      for (const who of ['self', 'admin'] as const) expect([password, await code(accounts.changePassword(id, { password, by: who, mustChange: false }, ctx()))]).toEqual([password, 'validation_failed']);
    }
    for (const password of ['1234567', 'a'.repeat(129), '\ud800aaaaaaaa']) expect(await code(accounts.register(person({ username: 'bob', password }), ctx()))).toBe('validation_failed');
    expect(await code(accounts.register(person({ username: 'bob', password: 'alllower1', origin: 'admin' }), ctx()))).toBe('validation_failed');
    await accounts.changePassword(id, { password: 'Changed1', by: 'self', mustChange: false }, ctx());
    expect([await accounts.checkPassword(id, 'password123'), await accounts.checkPassword(id, 'Changed1')]).toEqual([false, true]);
  });
  it('end every session and token when they change', async () => {
    const { id } = await accounts.register(person(), ctx());
    const { state } = await accounts.changePassword(id, { password: 'Changed1', by: 'admin', mustChange: true }, ctx());
    expect([state.sessionEpoch, state.tokenEpoch, state.mustChange]).toEqual([1, 1, true]);
  });
  it('T07 of older parameters are hashed anew when they are used, and nobody is signed out by it', async () => {
    const { id, state } = await accounts.register(person(), ctx());
    const { accounts: today } = await town.process({ clock, passwords: new Passwords({ random: randomBytes, cost: { ...CHEAP, memory: 128 } }) });
    expect(await today.checkPassword(id, 'wrong word')).toBe(false);
    expect(await town.happened('user')).toEqual(['UserRegistered']);
    expect(await today.checkPassword(id, 'Passw0rd')).toBe(true);
    expect(await today.checkPassword(id, 'Passw0rd')).toBe(true);
    expect(await town.happened('user')).toEqual(['UserRegistered', 'PasswordChanged']);
    const now = (await today.state(id))!;
    expect([now.sessionEpoch, now.tokenEpoch, now.mustChange, now.password === state.password]).toEqual([0, 0, false, false]);
  });
  it('are checked against common ones where the policy is strong', async () => {
    const strong = (await town.process({ clock, passwordPolicy: () => 'strong', commonPasswords: async () => new Set(['password123']) })).accounts;
    expect(await code(strong.register(person({ password: 'Password123' }), ctx()))).toBe('validation_failed');
    expect(await code(strong.register(person({ password: 'Unheard0fIndeed' }), ctx()))).toBe('done');
  });
  it('by a link that was mailed: once, and only the newest', async () => {
    const { kernel } = await town.process({ clock });
    const { RequestPasswordReset } = await import('./user.decider.js');
    const { id } = await accounts.register(person(), ctx());
    for (const reset of ['rst_1', 'rst_2']) await kernel.commands.execute(user, new RequestPasswordReset(id, { reset, minutes: 30 }, ctx()));
    expect(await code(accounts.resetPassword(id, { reset: 'rst_1', password: 'Changed1' }, ctx()))).toBe('invalid_reset');
    expect(await code(accounts.resetPassword(id, { reset: 'rst_2', password: 'weak' }, ctx()))).toBe('validation_failed');
    expect(await code(accounts.resetPassword(id, { reset: 'rst_2', password: 'Changed1' }, ctx()))).toBe('done');
    expect(await code(accounts.resetPassword(id, { reset: 'rst_2', password: 'Changed2' }, ctx()))).toBe('invalid_reset');
    expect(await accounts.checkPassword(id, 'Changed1')).toBe(true);
  });
});
