import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EventOf } from '#libs/event-sourcing/event';
import { given as given_, stateAfter } from '#libs/event-sourcing/testing/given';
import { by } from '#libs/event-sourcing/testing/rooms';
import { ROLES, type Role } from '../principal.js';
import { ChangeProfile, ChangeRole, DeleteUser, DisableUser, EnableUser, EndResetMail, RegisterUser, RequestPasswordReset, ResetPassword, SetPassword, SignOutUser, StartResetMail, user, type UserState } from './user.decider.js';
import type { UserEvents } from './user.events.js';

type Decided = EventOf<UserEvents, 'plain'>;
const NOW = '2030-01-01T00:00:00.000Z', LATER = '2030-01-01T00:29:59.999Z', TOO_LATE = '2030-01-01T00:30:00.000Z';
const c = by('test');
const ID = '1';
const names = { username: 'alice', email: 'alice@example.com', fullName: null };
const registered = (role: Role = 'user'): Decided => ({ type: 'UserRegistered', data: { ...names, role, password: '$hash', mustChange: false, origin: 'sign-up', registeredAt: NOW } });
const disabled: Decided = { type: 'UserDisabled', data: { reason: null, at: NOW } };
const deleted: Decided = { type: 'UserDeleted', data: { at: NOW } };
const asked = (reset = 'r1'): Decided => ({ type: 'PasswordResetRequested', data: { reset, at: NOW, expiresAt: TOO_LATE } });
const changedTo = (password: string, by_: 'self' | 'admin' | 'reset' | 'rehash' = 'self'): Decided => ({ type: 'PasswordChanged', data: { password, by: by_, mustChange: false, at: NOW } });
const given = (...past: Decided[]): ReturnType<typeof given_<UserState | null, UserEvents, typeof user.commands>> => given_(user, ...past);
const alone = { by: 'other', othersRemain: false }, inCompany = { by: 'other', othersRemain: true };

describe('an account', () => {
  const register = new RegisterUser(ID, { ...names, role: 'user', password: '$hash', mustChange: false, origin: 'sign-up' }, c);
  it('is registered once', () => {
    given().when(register, NOW).then(registered());
    given(registered()).when(register, LATER).thenNothing();
  });
  it('needs a name', () => {
    given().when(new RegisterUser(ID, { username: null, email: null, fullName: 'A', role: 'user', password: '$hash', mustChange: false, origin: 'sign-up' }, c), NOW).thenRefused('validation_failed');
    given(registered()).when(new ChangeProfile(ID, { username: null, email: null, fullName: 'A' }, c), NOW).thenRefused('validation_failed');
  });
  it('is not there before and after its life', () => {
    const commands = [new ChangeProfile(ID, names, c), new SetPassword(ID, { password: 'x', by: 'self', mustChange: false }, c), new SignOutUser(ID, { of: 'all', reason: 'asked' }, c), new ChangeRole(ID, { role: 'admin', ...inCompany }, c), new DisableUser(ID, { reason: null, ...inCompany }, c), new EnableUser(ID, {}, c)];
    for (const command of commands) {
      given().when(command, NOW).thenRefused('not_found');
      given(registered(), deleted).when(command, NOW).thenRefused('not_found');
    }
    given(registered(), deleted).when(new DeleteUser(ID, alone, c), NOW).thenNothing();
  });
  it('says who it belongs to and whose data it holds', () => {
    const state = stateAfter(user, [registered()]);
    expect(user.tags(state)).toEqual({ owner: '1', subjects: ['sub_1', 'sub_alice@example.com'], acceptedAt: NOW });
  });
});

describe('an office', () => {
  it('is given and taken, as long as one administrator remains', () => {
    given(registered()).when(new ChangeRole(ID, { role: 'admin', ...alone }, c), NOW).then({ type: 'UserRoleChanged', data: { from: 'user', to: 'admin', at: NOW } });
    given(registered()).when(new ChangeRole(ID, { role: 'user', ...alone }, c), NOW).thenNothing();
    given(registered('admin')).when(new ChangeRole(ID, { role: 'user', ...inCompany }, c), NOW).then({ type: 'UserRoleChanged', data: { from: 'admin', to: 'user', at: NOW } });
  });
  it('T11 is not taken from the last administrator, nor from oneself', () => {
    for (const command of [new ChangeRole(ID, { role: 'user', ...alone }, c), new DisableUser(ID, { reason: null, ...alone }, c), new DeleteUser(ID, alone, c)]) given(registered('admin')).when(command, NOW).thenRefused('last_admin');
    const self = { by: ID, othersRemain: true };
    for (const command of [new ChangeRole(ID, { role: 'user', ...self }, c), new DisableUser(ID, { reason: null, ...self }, c), new DeleteUser(ID, self, c)]) given(registered('admin')).when(command, NOW).thenRefused('last_admin');
    for (const command of [new DisableUser(ID, { reason: null, ...self }, c), new DeleteUser(ID, self, c)]) given(registered('user')).when(command, NOW).thenRefused('last_admin');
  });
  it('of a disabled administrator holds nobody up', () => {
    given(registered('admin'), disabled).when(new DeleteUser(ID, alone, c), NOW).then(deleted);
    given(registered('admin'), disabled).when(new DisableUser(ID, { reason: null, ...alone }, c), NOW).thenNothing();
  });
});

describe('a rehash', () => {
  it('takes the place of the hash that was checked, and of no other', () => {
    const at = stateAfter(user, [registered()])!.password;
    given(registered()).when(new SetPassword(ID, { password: '$new', by: 'rehash', mustChange: false, instead: at }, c), NOW).then(changedTo('$new', 'rehash'));
    given(registered(), changedTo('$other')).when(new SetPassword(ID, { password: '$new', by: 'rehash', mustChange: false, instead: at }, c), NOW).thenNothing();
  });
});

describe('a reset link', () => {
  const reset = new ResetPassword(ID, { reset: 'r1', password: '$new' }, c);
  it('counts for half an hour, once, and the newest alone', () => {
    given(registered()).when(new RequestPasswordReset(ID, { reset: 'r1', minutes: 30 }, c), NOW).then(asked());
    given(registered(), asked()).when(new RequestPasswordReset(ID, { reset: 'r1', minutes: 30 }, c), NOW).thenNothing();
    given(registered(), asked()).when(reset, LATER).then({ type: 'PasswordChanged', data: { password: '$new', by: 'reset', mustChange: false, at: LATER } });
    given(registered(), asked()).when(reset, TOO_LATE).thenRefused('invalid_reset');
    given(registered(), asked(), asked('r2')).when(reset, NOW).thenRefused('invalid_reset');
    given(registered(), asked(), changedTo('$x', 'reset')).when(reset, NOW).thenRefused('invalid_reset');
    given(registered(), asked(), { type: 'UserProfileChanged', data: { ...names, email: 'new@example.com', at: NOW } }).when(reset, NOW).thenRefused('invalid_reset');
    given(registered(), asked(), changedTo('$x', 'rehash')).when(reset, NOW).then({ type: 'PasswordChanged', data: { password: '$new', by: 'reset', mustChange: false, at: NOW } });
    for (const past of [[], [registered()], [registered(), asked(), disabled], [registered(), asked(), deleted]]) given(...past).when(reset, NOW).thenRefused('invalid_reset');
  });
  it('is not made for who cannot sign in', () => {
    for (const past of [[], [registered(), disabled], [registered(), deleted]]) given(...past).when(new RequestPasswordReset(ID, { reset: 'r1', minutes: 30 }, c), NOW).thenNothing();
  });
  it('is mailed once', () => {
    const started: Decided = { type: 'PasswordResetMailStarted', data: { reset: 'r1', at: NOW } };
    const start = new StartResetMail(ID, { reset: 'r1' }, c), end = new EndResetMail(ID, { reset: 'r1', outcome: 'sent', problem: null }, c);
    given(registered(), asked()).when(start, NOW).then(started);
    given(registered(), asked(), started).when(start, NOW).thenRefused('conflict');
    given(registered(), asked()).when(start, TOO_LATE).thenRefused('conflict');
    given(registered(), asked(), asked('r2')).when(start, NOW).thenRefused('conflict');
    given(registered(), asked(), started).when(end, NOW).then({ type: 'PasswordResetMailEnded', data: { reset: 'r1', outcome: 'sent', problem: null, at: NOW } });
    given(registered(), asked()).when(end, NOW).thenNothing();
    given(registered(), asked(), started, changedTo('$x', 'reset')).when(end, NOW).thenNothing();
  });
});

describe('any life of an account', () => {
  const command = fc.oneof(
    fc.record({ by: fc.constantFrom('1', 'other'), othersRemain: fc.boolean(), role: fc.constantFrom(...ROLES) }).map((d) => new ChangeRole(ID, d, c)),
    fc.record({ by: fc.constantFrom('1', 'other'), othersRemain: fc.boolean() }).chain((d) => fc.constantFrom(new DisableUser(ID, { reason: null, ...d }, c), new DeleteUser(ID, d, c))),
    fc.constantFrom(new EnableUser(ID, {}, c), new SignOutUser(ID, { of: 'all', reason: 'asked' }, c), new SignOutUser(ID, { of: 'tokens', reason: 'admin' }, c), new SignOutUser(ID, { of: 'sessions', reason: 'admin' }, c),
      new SetPassword(ID, { password: '$2', by: 'admin', mustChange: true }, c), new RequestPasswordReset(ID, { reset: 'r1', minutes: 30 }, c), new ResetPassword(ID, { reset: 'r1', password: '$3' }, c), new ChangeProfile(ID, names, c)),
  );
  type Any = { id: string; data: object; constructor: Function };
  const run = (commands: readonly Any[]): { states: (UserState | null)[]; refused: number } => {
    const past: { type: string; data: unknown }[] = [registered('admin')];
    const states = [stateAfter(user, past)];
    let refused = 0;
    for (const one of commands) {
      const decide = (user.decide as unknown as Record<string, (s: unknown, d: unknown, now: string, id: string) => Decided[]>)[one.constructor.name]!;
      try { past.push(...decide(states.at(-1), one.data, NOW, ID)); } catch { refused++; }
      states.push(stateAfter(user, past));
    }
    return { states, refused };
  };
  it('counts sign-outs upwards, never forgets who it is, and ends at its deletion', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
      const { states } = run(commands as readonly Any[]);
      states.reduce((before, after) => {
        expect(after!.sessionEpoch >= before!.sessionEpoch && after!.tokenEpoch >= before!.tokenEpoch).toBe(true);
        expect([after!.id, after!.registeredAt]).toEqual(['1', NOW]);
        // whoever loses the account, or its password, loses what was handed out on it
        if ((before!.status === 'active' && after!.status !== 'active') || before!.password !== after!.password) expect(after!.sessionEpoch > before!.sessionEpoch && after!.tokenEpoch > before!.tokenEpoch).toBe(true);
        if (before!.status === 'deleted') expect(after).toEqual(before);
        return after;
      });
    }));
  });
  it('leaves its office only where another administrator was known to remain', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
      const alone_ = commands.filter((one) => !('othersRemain' in one.data) || !one.data.othersRemain) as readonly Any[];
      for (const state of run(alone_).states) expect([state!.role, state!.status]).toEqual(['admin', 'active']);
    }));
  });
});
