import { describe, expect, it } from '@jest/globals';
import { argon2Sync, randomBytes } from 'node:crypto';
import { Unavailable } from '#libs/event-sourcing/errors';
import { argon2Hash, argon2Verify, hashOfNobody, outdated } from './argon2.js';
import { commonPasswords } from './common-passwords.js';
import { passwordProblems, type PasswordAsk } from './password-policy.js';
import { Passwords } from './passwords.js';

const CHEAP = { memory: 64, passes: 1, parallelism: 1 };

describe('a hash', () => {
  it('T07 is argon2id with the parameters that are asked for, in the PHC form', async () => {
    const phc = await argon2Hash('Passw0rd', randomBytes);
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    const [, , , , salt, tag] = phc.split('$');
    expect(argon2Sync('argon2id', { message: 'Passw0rd', nonce: Buffer.from(salt!, 'base64'), parallelism: 1, tagLength: 32, memory: 19_456, passes: 2 }).toString('base64').replaceAll('=', '')).toBe(tag);
    expect([await argon2Verify(phc, 'Passw0rd'), await argon2Verify(phc, 'passw0rd'), outdated(phc)]).toEqual([true, false, false]);
  });
  it('is another one each time', async () => {
    expect(await argon2Hash('Passw0rd', randomBytes, CHEAP)).not.toBe(await argon2Hash('Passw0rd', randomBytes, CHEAP));
  });
  it('T07 takes both ways to compose a letter for one, and cuts nothing off at a NUL', async () => {
    const composed = await argon2Hash('Passw0rdé', randomBytes, CHEAP);
    expect(await argon2Verify(composed, 'Passw0rde\u0301')).toBe(true);
    const plain = await argon2Hash('Passw0rd', randomBytes, CHEAP), withNul = await argon2Hash('Passw0rd\u0000x', randomBytes, CHEAP);
    expect([await argon2Verify(plain, 'Passw0rd\u0000x'), await argon2Verify(withNul, 'Passw0rd'), await argon2Verify(withNul, 'Passw0rd\u0000y'), await argon2Verify(withNul, 'Passw0rd\u0000x')]).toEqual([false, false, false, true]);
  });
  it.each([['less memory', { memory: 19_455 }], ['fewer passes', { passes: 1 }], ['other lanes', { parallelism: 2 }]])('of %s is outdated', async (_, over) => {
    expect(outdated(await argon2Hash('x', randomBytes, { memory: 19_456, passes: 2, parallelism: 1, ...over }))).toBe(true);
  });
  it('of another kind is an error, never a yes', async () => {
    for (const phc of ['', 'x', '$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', '$2b$10$x']) await expect(argon2Verify(phc, 'x')).rejects.toThrow('not a password hash');
  });
  it('of nobody has the same form and cost as anybody\'s', () => expect(hashOfNobody(randomBytes)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/));
});

describe('the pool', () => {
  it('T07 hashes so many at once; so many wait, and the rest is refused at once, while everything else goes on', async () => {
    const depths: number[] = [];
    const passwords = new Passwords({ random: randomBytes, atOnce: 1, waiting: 3, onDepth: (depth) => depths.push(depth) });
    let turns = 0;
    const counting = setInterval(() => { turns++; }, 1);
    const answers = await Promise.allSettled(Array.from({ length: 200 }, () => passwords.hash('Passw0rd')));
    clearInterval(counting);
    const refused = answers.flatMap((a) => (a.status === 'rejected' ? [a.reason as unknown] : []));
    expect(answers.length - refused.length).toBe(4);
    for (const error of refused) expect(error).toBeInstanceOf(Unavailable);
    // the main thread was free meanwhile
    expect(turns).toBeGreaterThan(5);
    expect([passwords.depth, Math.max(...depths), depths.at(-1)]).toEqual([0, 4, 0]);
    expect((await passwords.verify(null, 'Passw0rd')).ok).toBe(false);
  });
  it('gives its place back when a hash cannot be read', async () => {
    const passwords = new Passwords({ random: randomBytes, atOnce: 1, waiting: 0 });
    await expect(passwords.verify('not a hash', 'x')).rejects.toThrow();
    await expect(passwords.hash('Passw0rd')).resolves.toMatch(/^\$argon2id/);
  });
  it('T07 does not hash what is longer than any password', async () => {
    const passwords = new Passwords({ random: randomBytes, atOnce: 1, waiting: 0 });
    const first = passwords.hash('Passw0rd');
    // there is no room for another: these take none
    for (const long of ['x'.repeat(129), 'x'.repeat(1_000_000), '\ud800']) expect(await passwords.verify(null, long)).toEqual({ ok: false, outdated: false });
    await first;
  });
});

describe('the policy', () => {
  const ask = (over: Partial<PasswordAsk> = {}): PasswordAsk => ({ policy: 'standard', occasion: 'own', names: ['alice', null], isCommon: (text) => text === 'password123', ...over });
  it('T07 of sign-up is a length, counted in characters after composition', () => {
    for (const good of ['password123', '12345678', 'é'.repeat(8), 'e\u0301'.repeat(128), '😀'.repeat(8), 'a'.repeat(128)]) expect([good, passwordProblems(good, ask())]).toEqual([good, []]);
    for (const bad of ['1234567', '', 'e\u0301'.repeat(7), 'a'.repeat(129), '\ud800'.repeat(8)]) expect([bad, passwordProblems(bad, ask()).length]).toEqual([bad, 1]);
  });
  it('T07 of a change is S1\'s rule', () => {
    const changed = ask({ occasion: 'changed' });
    expect(passwordProblems('Passw0rd', changed)).toEqual([]);
    expect(passwordProblems('alllower1', changed)).toEqual(['must hold an upper-case letter']);
    expect(passwordProblems('--------', changed)).toEqual(['must hold an upper-case letter, a lower-case letter, a digit']);
    expect(passwordProblems('Alice123', { ...changed, names: ['ALICE123'] })).toEqual(['must not be your own name']);
  });
  it('when strong is the rule everywhere, and none of the common ones', () => {
    const strong = ask({ policy: 'strong' });
    expect(passwordProblems('Password123', strong)).toEqual(['is one of the most common passwords; choose another']);
    expect(passwordProblems('password123', strong)).toHaveLength(2);
    expect(passwordProblems('Unheard0f', strong)).toEqual([]);
  });
  it('has a list of common ones', async () => {
    const common = await commonPasswords();
    for (const word of ['password', 'password123', 'qwerty123', 'iloveyou']) expect([word, common.has(word)]).toEqual([word, true]);
    expect(common.has('correct horse battery staple')).toBe(false);
  });
});
