import { describe, expect, it } from '@jest/globals';
import { given, stateAfter, storedAs } from '#libs/event-sourcing/testing/given';
import { subjectOf, type Sealed } from '#libs/event-sourcing/sealed';
import { MOST_ENTRIES, RecordRefusedSignins, signin, type RefusedSignin } from './signin.decider.js';

const context = { principal: 'p', correlationId: 'c', causationId: 'c' };
const AT = '2030-01-01T00:00:01.000Z';
const entry = (user: string | null): RefusedSignin => ({ user, reason: user ? 'password' : 'unknown', address: '192.0.2.1', userAgent: 'spec', at: AT });
const record = (entries: RefusedSignin[]) => new RecordRefusedSignins('sig_1', { entries }, context);

describe('refused sign-ins', () => {
  it('are one event, once', () => {
    const refused = { type: 'SigninsRefused', data: { entries: [entry('usr_1'), entry(null)], at: AT } } as const;
    given(signin).when(record([entry('usr_1'), entry(null)]), AT).then({ ...refused, data: { ...refused.data, entries: [...refused.data.entries] } });
    given(signin).when(record([]), AT).thenNothing();
    given(signin, { ...refused, data: { ...refused.data, entries: [entry(null)] } }).when(record([entry(null)]), AT).thenNothing();
  });
  it('are never more in one event than an append can hold', () =>
    expect(() => given(signin).when(record(Array.from({ length: MOST_ENTRIES + 1 }, () => entry(null))), AT).thenNothing()).toThrow('at most 500'));
  it('belong to the account that was tried, else to all strangers together', () => {
    const { data } = storedAs(signin, { type: 'SigninsRefused', data: { entries: [entry('usr_1'), entry(null)], at: AT } });
    const [known, stranger] = (data as { entries: { address: Sealed<string> }[] }).entries;
    expect([subjectOf(known!.address), subjectOf(stranger!.address)]).toEqual(['sub_usr_1', 'sub_system:strangers']);
    expect(stateAfter(signin, [{ type: 'SigninsRefused', data: { entries: [entry(null)], at: AT } }])).toEqual({ at: AT, count: 1 });
  });
});
