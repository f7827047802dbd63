import { describe, expect, it } from '@jest/globals';
import { Socket } from 'node:net';
import type { ExecutionContext } from '@nestjs/common';
import { Refusal } from '#libs/event-sourcing/errors';
import { ACTIVE, knownTo } from '#libs/identity/testing/known';
import type { Permission, Role } from '#libs/identity/principal';
import { defaultsOf } from '#libs/settings/table';
import { Permit } from './permission.js';
import { PrincipalGuard, type GuardOptions, type SignedIn } from './principal.guard.js';

const known = knownTo();
for (const [id, role] of [['usr_u', 'user'], ['usr_a', 'admin']] as [string, Role][]) {
  known.accounts.set(id, { ...ACTIVE, role });
  known.sessions.set(`s${id}`, { owner: id, epoch: 0, expiresAt: '2999-01-01T00:00:00.000Z', ended: null });
}
const defaults = defaultsOf({});
const refused: string[] = [];
const guardWith = (more: Partial<GuardOptions> = {}): PrincipalGuard => new PrincipalGuard({
  known, mayAsk: () => true, settings: { value: (name) => defaults.get(name) as never }, rolled: () => null, fresh: () => true, now: () => Date.parse('2030-01-01T00:00:00.000Z'), refused: (code) => { refused.push(code); }, ...more,
});

/** What the guard says to a request for a route with this permission. */
async function asked(permission: Permission | null, { ip = '203.0.113.9', bearer, guard = guardWith() }: { ip?: string; bearer?: string; guard?: PrincipalGuard } = {}): Promise<string> {
  class Routes { handle(): void { /* never called */ } }
  if (permission) Permit(permission)(Routes.prototype, 'handle', Object.getOwnPropertyDescriptor(Routes.prototype, 'handle')!);
  const raw = { rawHeaders: bearer === undefined ? [] : ['Authorization', `Bearer ${bearer}`], headers: {}, socket: new Socket() };
  const request = { raw, ip, method: 'GET', id: 'req_1', protocol: 'http' } as unknown as SignedIn;
  const context = { getType: () => 'http', getHandler: () => Routes.prototype.handle, getClass: () => Routes, switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ header: () => undefined }) }) };
  return guard.canActivate(context as unknown as ExecutionContext).then((let_in) => `${let_in} ${request.principal?.owner ?? 'nobody'}`, (error: unknown) => { if (error instanceof Refusal) return error.code; throw error; });
}
const [USER, ADMIN] = ['jwt.usr_u.susr_u', 'jwt.usr_a.susr_a'];

describe('the guard', () => {
  it('lets nobody through to a route that declares nothing', () => expect(asked(null)).rejects.toThrow('Routes.handle declares no permission'));
  it('makes a principal of a good credential, and says no where the role lacks the right', async () => {
    expect(await asked('messages:read', { bearer: USER })).toBe('true usr_u');
    expect(await asked('settings:read', { bearer: USER })).toBe('forbidden');
    expect(await asked('settings:read', { bearer: ADMIN })).toBe('true usr_a');
  });
  it('counts what it refused, by a code of the catalogue', async () => {
    refused.length = 0;
    await asked('messages:read', { bearer: 'x' });
    await asked('messages:read');
    expect(refused).toEqual(['invalid_token', 'unauthenticated']);
  });
  it('trusts no credential while the log is not heard, and keeps what is open open', async () => {
    const guard = guardWith({ fresh: () => false });
    expect(await asked('messages:read', { bearer: USER, guard })).toBe('unavailable');
    expect(await asked('public', { guard })).toBe('true nobody');
  });
  it('T85 metrics and the description are open to the operator\'s networks, and elsewhere to administrators', async () => {
    for (const ip of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '10.1.2.3', '192.168.0.7', 'fd00::1']) expect([ip, await asked('operations', { ip })]).toEqual([ip, 'true nobody']);
    for (const ip of ['203.0.113.9', '2001:db8::1', '172.32.0.1', '11.0.0.1', '']) expect([ip, await asked('operations', { ip })]).toEqual([ip, 'unauthenticated']);
    expect(await asked('operations', { bearer: USER })).toBe('forbidden');
    expect(await asked('operations', { bearer: ADMIN })).toBe('true usr_a');
    const closed = guardWith({ settings: { value: () => [] as never } });
    expect([await asked('operations', { ip: '10.1.2.3', guard: closed }), await asked('operations', { ip: '127.0.0.1', guard: closed })]).toEqual(['unauthenticated', 'true nobody']);
  });
});
