import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { holds, isScope } from './scope.js';

describe('T70 scopes', () => {
  it('the star stands for the actions of its own area alone', () => {
    expect(holds(['tickets:*'], 'tickets:delete')).toBe(true);
    expect(holds(['tickets:read', 'tickets:write'], 'tickets:delete')).toBe(false);
    expect(holds(['admin:*'], 'tickets:read')).toBe(false);
    expect(holds(['tickets:*'], 'tickets-x:read')).toBe(false);
    expect(holds([], 'tickets:read')).toBe(false);
  });
  it('nothing but the star holds the star', () => {
    expect(holds(['tickets:read', 'tickets:write', 'tickets:delete'], 'tickets:*')).toBe(false);
    expect(holds(['tickets:*'], 'tickets:*')).toBe(true);
  });
  it.each(['*', '*:*', 'tickets:**', ':read', 'TICKETS:READ', 'tickets:read\u0000', 'tickets:read\n'])('%j is none', (text) => expect(isScope(text)).toBe(false));
  it('holding is for one area at a time, whatever the scopes', () => {
    const scope = fc.tuple(fc.constantFrom('a', 'b', 'a-b'), fc.constantFrom('read', 'write', '*')).map(([area, action]) => `${area}:${action}`);
    fc.assert(fc.property(fc.array(scope), scope, (scopes, wanted) => {
      const area = wanted.split(':')[0]!;
      expect(holds(scopes, wanted)).toBe(holds(scopes.filter((s) => s.split(':')[0] === area), wanted));
      if (holds(scopes, wanted)) expect(scopes.length).toBeGreaterThan(0);
    }));
  });
});
