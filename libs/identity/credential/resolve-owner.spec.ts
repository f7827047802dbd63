import { describe, expect, it } from '@jest/globals';
import { ownerToBe, resolveOwner, type FindAccount } from './resolve-owner.js';

const ID = `usr_${'a'.repeat(32)}`;
const accounts = (origin: string): FindAccount => ({ find: async (name) => (['billing', 'ceo@corp.example'].includes(name) ? ID : null), state: async (id) => (id === ID ? { status: 'active', tokenEpoch: 2, origin } : null) });
const refused = (work: Promise<unknown>): Promise<void> => expect(work).rejects.toMatchObject({ code: 'validation_failed', errors: [{ field: 'owner', message: expect.stringContaining('give its id (usr_…)') }] });

describe('whose a new credential is', () => {
  it.each(['admin', 'first-start', 'import'])('an account of origin %s is meant by its names and its id', async (origin) => {
    for (const text of ['billing', 'ceo@corp.example', ID]) expect((await ownerToBe(text, accounts(origin))).owner).toBe(ID);
  });
  it('one that somebody signed up for is meant by its id alone', async () => {
    for (const text of ['billing', 'ceo@corp.example']) await refused(ownerToBe(text, accounts('sign-up')));
    expect(await ownerToBe(ID, accounts('sign-up'))).toMatchObject({ owner: ID, account: { tokenEpoch: 2 } });
  });
  it('where things are only looked for, every name is a name', async () => expect((await resolveOwner('billing', accounts('sign-up'))).owner).toBe(ID));
  it('a name of nobody is that of an owner without an account, unless it cannot be one', async () => {
    expect(await ownerToBe('shop', accounts('sign-up'))).toEqual({ owner: 'shop', account: null });
    for (const text of ['Not A Name', `usr_${'b'.repeat(32)}`]) await expect(ownerToBe(text, accounts('admin'))).rejects.toMatchObject({ code: 'validation_failed' });
  });
});
