import { describe, expect, it } from '@jest/globals';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { user } from '#libs/identity/user/user.decider';
import { userList } from './user-list.projection.js';

const AT = '2030-01-01T00:00:00.000Z', LATER = '2030-02-01T00:00:00.000Z';
const registered = { username: 'Ada', email: 'Ada@Example.com', fullName: 'Ada King Lovelace', role: 'operator', password: '$hash', mustChange: true, origin: 'admin', registeredAt: AT };
const life = (...events: [string, object][]): object | null => projected(userList, [['UserRegistered', registered] as [string, object], ...events].map(([type, data], i) => happened(user, 'user-usr_1', i, type, data))).get('usr_1') ?? null;
const row = {
  username: 'Ada', email: 'Ada@Example.com', fullName: 'Ada King Lovelace', role: 'operator', status: 'active', mustChange: true, origin: 'admin', registeredAt: AT, changedAt: AT, disabledReason: null,
  nameKey: 'ada', usernameKey: 'ada', emailKey: 'ada@example.com', fullNameKey: 'ada king lovelace', surnameKey: 'lovelace',
};

describe('the list of accounts', () => {
  it('shows an account with its names in the open, and never its password', () => {
    expect(life()).toEqual(row);
    expect(JSON.stringify(life(['PasswordChanged', { password: '$other', by: 'self', mustChange: false, at: LATER }]))).not.toContain('$');
  });
  it.each<[string, object, object]>([
    ['UserProfileChanged', { username: null, email: 'b@example.com', fullName: null, at: LATER }, { username: null, email: 'b@example.com', fullName: null, nameKey: 'b@example.com', usernameKey: null, emailKey: 'b@example.com', fullNameKey: null, surnameKey: null, changedAt: LATER }],
    ['PasswordChanged', { password: '$x', by: 'self', mustChange: false, at: LATER }, { mustChange: false, changedAt: LATER }],
    ['PasswordChanged', { password: '$x', by: 'rehash', mustChange: true, at: LATER }, {}],
    ['UserRoleChanged', { from: 'operator', to: 'admin', at: LATER }, { role: 'admin', changedAt: LATER }],
    ['UserDisabled', { reason: 'on leave', at: LATER }, { status: 'disabled', disabledReason: 'on leave', changedAt: LATER }],
    ['UserSignedOut', { of: 'all', reason: 'admin', at: LATER }, {}],
    ['PasswordResetRequested', { reset: 'r', at: LATER, expiresAt: LATER }, {}],
  ])('%s', (type, data, changed) => expect(life([type, data])).toEqual({ ...row, ...changed }));
  it('shows who is enabled again without the reason of before, and who is deleted not at all', () => {
    expect(life(['UserDisabled', { reason: 'on leave', at: AT }], ['UserEnabled', { at: LATER }])).toEqual({ ...row, changedAt: LATER });
    expect(life(['UserDeleted', { at: LATER }])).toBeNull();
  });
  it('shows an erased person as nobody', () => {
    const erased = { ...happened(user, 'user-usr_1', 0, 'UserRegistered', registered), data: { ...registered, username: null, email: null, fullName: null } };
    expect(userList.fold(null, erased as never, 'usr_1')).toMatchObject({ username: null, email: null, fullName: null, nameKey: '', surnameKey: null });
  });
});
