import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RIGHTS, ROLES, type Role } from '../principal.js';
import { isKnownScope, mayGrant } from './granting.js';
import { holds } from './scope.js';

const HOSTS = ['inventory:*', 'tickets:read', 'tickets:write', 'admin:write', 'email:*'];
const by = (role: Role, scopes: string[] | null = null): { role: Role; scopes: string[] | null } => ({ role, scopes });

describe('T70 scopes that are known', () => {
  it.each(['messages:send', 'messages:*', 'apikeys:verify', 'admin:read', 'admin:*', 'admin:write', 'inventory:anything', 'inventory:*', 'tickets:read', 'tickets:*', 'email:*'])('%s is', (scope) => expect(isKnownScope(scope, HOSTS)).toBe(true));
  it.each(['messages:fly', 'biofloc:read', 'biofloc:*', 'tickets:delete', 'profile:write', 'profile:*', 'users:manage', 'certificates:write', 'settings:write', 'operations:*', 'tickets-x:read'])('%s is not', (scope) => expect(isKnownScope(scope, HOSTS)).toBe(false));
});

describe('T70 nobody grants what he does not hold', () => {
  it('by role', () => {
    expect(mayGrant('messages:send', by('operator'))).toBe(true);
    for (const scope of ['admin:read', 'admin:*', 'admin:write', 'users:manage', 'users:*', 'settings:read', 'certificates:*']) {
      expect([scope, mayGrant(scope, by('operator')), mayGrant(scope, by('admin'))]).toEqual([scope, false, true]);
    }
    for (const scope of ['inventory:read', 'tickets:*', 'apikeys:write']) expect([scope, mayGrant(scope, by('user')), mayGrant(scope, by('operator'))]).toEqual([scope, false, true]);
  });
  it('by the scopes of the key that asks', () => {
    expect(mayGrant('admin:*', by('admin', ['apikeys:*']))).toBe(false);
    expect(mayGrant('apikeys:verify', by('admin', ['apikeys:*']))).toBe(true);
    expect(mayGrant('apikeys:*', by('admin', ['apikeys:read', 'apikeys:write', 'apikeys:verify']))).toBe(false);
  });
  it('whatever is granted opens no right that its giver lacks', () => {
    const scopes = [...Object.keys(RIGHTS).filter((r) => r.includes(':')), 'users:*', 'admin:*', 'messages:*', 'certificates:*', 'inventory:*'];
    fc.assert(fc.property(fc.constantFrom(...scopes), fc.constantFrom(...ROLES), fc.option(fc.subarray(scopes)), (scope, role, own) => {
      if (!mayGrant(scope, by(role, own))) return;
      for (const [right, { roles }] of Object.entries(RIGHTS)) {
        if (!holds([scope], right) || right.startsWith('profile:')) continue;
        expect(roles).toContain(role);
        if (own) expect(holds(own, right)).toBe(true);
      }
    }));
  });
});
