import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import { parseSealed, subjectOf, type Plain, type Seal, type Sealed, type Stored } from '#libs/event-sourcing/sealed';
import { foldedEmail } from '../name/names.js';
import type { Role } from '../principal.js';
import type { UserEvents } from './user.events.js';

export interface UserState {
  /** its own */
  id: string;
  status: 'active' | 'disabled' | 'deleted';
  username: Sealed<string> | null;
  email: Sealed<string> | null;
  fullName: Sealed<string> | null;
  role: Role;
  /** a PHC string */
  password: Sealed<string>;
  /** somebody else knows the password */
  mustChange: boolean;
  origin: UserEvents['UserRegistered']['origin'];
  registeredAt: string;
  /** when anything of it last changed */
  changedAt: string;
  /** how often all sessions, and all API tokens, were ended: one of an earlier count opens nothing */
  sessionEpoch: number;
  tokenEpoch: number;
  /** the link that counts; null: none, or it was used */
  reset: PasswordReset | null;
}
export interface PasswordReset {
  id: string;
  at: string;
  expiresAt: string;
  mail: 'due' | 'started' | UserEvents['PasswordResetMailEnded']['outcome'];
  /** when the mail began to be sent */
  startedAt: string | null;
}

/** Its names were claimed before; `password` is a hash. Again for the same account: nothing. */
export class RegisterUser extends StreamCommand<Omit<Plain<UserEvents['UserRegistered']>, 'registeredAt'>> {}
export class ChangeProfile extends StreamCommand<Omit<Plain<UserEvents['UserProfileChanged']>, 'at'>> {}
/** `password` is a hash. `instead`: only while this one counts (a rehash must not undo a change). */
export class SetPassword extends StreamCommand<{ password: string; by: 'self' | 'admin' | 'rehash'; mustChange: boolean; instead?: Sealed<string> }> {}
export class SignOutUser extends StreamCommand<{ of: 'all' | 'sessions' | 'tokens'; reason: 'asked' | 'admin' }> {}

/** Who asks (an account's id; null: the command line), and whether it is known that another administrator can sign in. */
interface StepDown { by: string | null; othersRemain: boolean }
export class ChangeRole extends StreamCommand<StepDown & { role: Role }> {}
export class DisableUser extends StreamCommand<StepDown & { reason: string | null }> {}
export class EnableUser extends StreamCommand<object> {}
export class DeleteUser extends StreamCommand<StepDown> {}

/** A newer link takes the place of the older. */
export class RequestPasswordReset extends StreamCommand<{ reset: string; minutes: number }> {}
/** `password` is a hash. @throws Refusal invalid_reset */
export class ResetPassword extends StreamCommand<{ reset: string; password: string }> {}
/** The claim of who sends the mail: refused for whoever comes second. Give it `exclusive`. */
export class StartResetMail extends StreamCommand<{ reset: string }> {}
export class EndResetMail extends StreamCommand<{ reset: string; outcome: 'sent' | 'failed' | 'unknown'; problem: string | null }> {}

const there = (state: UserState | null): UserState => {
  if (!state || state.status === 'deleted') throw new Refusal('not_found');
  return state;
};
/** Nobody takes his own office, nor the last one that there is. */
function mayStepDown(state: UserState, { by, othersRemain }: StepDown): void {
  if (by === state.id || (state.role === 'admin' && state.status === 'active' && !othersRemain)) throw new Refusal('last_admin');
}
const counts = (state: UserState, reset: string, now: string): boolean => state.status === 'active' && state.reset?.id === reset && now < state.reset.expiresAt;

type Names = Pick<Plain<UserEvents['UserProfileChanged']>, 'username' | 'email' | 'fullName'>;
/** The person's own; the e-mail address belongs to whoever has it, wherever it stands. */
const sealNames = ({ username, email, fullName }: Names, by: Seal, id: string): Pick<Stored<UserEvents['UserProfileChanged']>, keyof Names> => ({
  username: by.seal('username', username, { kind: 'account', value: id }),
  email: by.seal('email', email, { kind: 'email', value: (email === null ? null : foldedEmail(email)) ?? '' }),
  fullName: by.seal('fullName', fullName, { kind: 'account', value: id }),
});

/** All sessions and tokens from before end. */
const signedOut = (state: UserState): Pick<UserState, 'sessionEpoch' | 'tokenEpoch'> => ({ sessionEpoch: state.sessionEpoch + 1, tokenEpoch: state.tokenEpoch + 1 });
const changed = (state: UserState | null, changedAt: string, more: Partial<UserState> = {}): UserState | null => state && { ...state, ...more, changedAt };
const withMail = (state: UserState | null, of: string, at: string, more: Partial<PasswordReset>): UserState | null =>
  changed(state, at, state?.reset?.id === of ? { reset: { ...state.reset, ...more } } : {});

export const user = decider<UserState | null, UserEvents>()({
  stream: 'user',
  snapshotVersion: 2,
  searchable: { UserRegistered: ['username', 'email', 'fullName'], UserProfileChanged: ['username', 'email', 'fullName'] },
  initial: null,
  commands: { RegisterUser, ChangeProfile, SetPassword, SignOutUser, ChangeRole, DisableUser, EnableUser, DeleteUser, RequestPasswordReset, ResetPassword, StartResetMail, EndResetMail },
  decide: {
    RegisterUser: (state, data, now) => {
      if (state) return [];
      if (data.username === null && data.email === null) throw new Refusal('validation_failed', undefined, [{ field: 'username', message: 'is missing: an account needs a username or an e-mail address' }]);
      return [{ type: 'UserRegistered', data: { ...data, registeredAt: now } }];
    },
    ChangeProfile: (state, data, now) => {
      there(state);
      if (data.username === null && data.email === null) throw new Refusal('validation_failed', undefined, [{ field: 'username', message: 'must stay: an account needs a username or an e-mail address' }]);
      return [{ type: 'UserProfileChanged', data: { ...data, at: now } }];
    },
    SetPassword: (state, { password, by, mustChange, instead }, now) => {
      if (instead !== undefined && there(state).password !== instead) return [];
      there(state);
      return [{ type: 'PasswordChanged', data: { password, by, mustChange, at: now } }];
    },
    SignOutUser: (state, { of, reason }, now) => {
      there(state);
      return [{ type: 'UserSignedOut', data: { of, reason, at: now } }];
    },
    ChangeRole: (state, { role, ...stepDown }, now) => {
      const { role: from } = there(state);
      if (role === from) return [];
      // a lower role for an administrator; whoever is none has nothing to step down from
      if (from === 'admin') mayStepDown(there(state), stepDown);
      return [{ type: 'UserRoleChanged', data: { from, to: role, at: now } }];
    },
    DisableUser: (state, { reason, ...stepDown }, now) => {
      const was = there(state);
      if (was.status === 'disabled') return [];
      mayStepDown(was, stepDown);
      return [{ type: 'UserDisabled', data: { reason, at: now } }];
    },
    EnableUser: (state, _data, now) => (there(state).status === 'active' ? [] : [{ type: 'UserEnabled', data: { at: now } }]),
    DeleteUser: (state, stepDown, now) => {
      if (state?.status === 'deleted') return [];
      mayStepDown(there(state), stepDown);
      return [{ type: 'UserDeleted', data: { at: now } }];
    },

    // who cannot sign in gets no link, and nobody is told
    RequestPasswordReset: (state, { reset, minutes }, now) => (state?.status !== 'active' || state.reset?.id === reset ? []
      : [{ type: 'PasswordResetRequested', data: { reset, at: now, expiresAt: new Date(Date.parse(now) + minutes * 60_000).toISOString() } }]),
    ResetPassword: (state, { reset, password }, now) => {
      if (!state || !counts(state, reset, now)) throw new Refusal('invalid_reset');
      return [{ type: 'PasswordChanged', data: { password, by: 'reset', mustChange: false, at: now } }];
    },
    StartResetMail: (state, { reset }, now) => {
      if (!state || !counts(state, reset, now) || state.reset?.mail !== 'due') throw new Refusal('conflict', 'This mail was sent, or is no longer wanted.');
      return [{ type: 'PasswordResetMailStarted', data: { reset, at: now } }];
    },
    EndResetMail: (state, { reset, outcome, problem }, now) =>
      (state?.reset?.id === reset && state.reset.mail === 'started' ? [{ type: 'PasswordResetMailEnded', data: { reset, outcome, problem, at: now } }] : []),
  },
  seal: {
    UserRegistered: (data, by, _, id) => ({ ...data, ...sealNames(data, by, id), password: by.seal('password', data.password, { kind: 'account', value: id }) }),
    UserProfileChanged: (data, by, _, id) => ({ ...data, ...sealNames(data, by, id) }),
    PasswordChanged: (data, by, _, id) => ({ ...data, password: by.seal('password', data.password, { kind: 'account', value: id }) }),
  },
  // an account is kept until its person is forgotten
  period: () => ({ category: 'kept', day: '' }),
  evolve: {
    UserRegistered: (_, { username, email, fullName, role, password, mustChange, origin, registeredAt }) => ({
      id: ownId(password), status: 'active', username, email, fullName, role, password, mustChange, origin, registeredAt, changedAt: registeredAt, sessionEpoch: 0, tokenEpoch: 0, reset: null,
    }),
    // whoever reads the mail of the address that was takes nothing over by a link from before
    UserProfileChanged: (state, { username, email, fullName, at }) => changed(state, at, { username, email, fullName, reset: null }),
    PasswordChanged: (state, { password, by, mustChange, at }) => state && changed(state, at, by === 'rehash' ? { password } : { ...signedOut(state), password, mustChange, reset: null }),
    UserSignedOut: (state, { of, at }) => state && changed(state, at, { sessionEpoch: state.sessionEpoch + (of === 'tokens' ? 0 : 1), tokenEpoch: state.tokenEpoch + (of === 'sessions' ? 0 : 1) }),
    UserRoleChanged: (state, { to, at }) => changed(state, at, { role: to }),
    UserDisabled: (state, { at }) => state && changed(state, at, { ...signedOut(state), status: 'disabled', reset: null }),
    UserEnabled: (state, { at }) => changed(state, at, { status: 'active' }),
    UserDeleted: (state, { at }) => state && changed(state, at, { ...signedOut(state), status: 'deleted', reset: null }),
    PasswordResetRequested: (state, { reset, at, expiresAt }) => changed(state, at, { reset: { id: reset, at, expiresAt, mail: 'due', startedAt: null } }),
    PasswordResetMailStarted: (state, { reset, at }) => withMail(state, reset, at, { mail: 'started', startedAt: at }),
    PasswordResetMailEnded: (state, { reset, outcome, at }) => withMail(state, reset, at, { mail: outcome }),
  },
  tags: (state) => {
    if (!state) throw new Error('an account is registered first');
    return { owner: state.id, ...subjectsOf(state), acceptedAt: state.registeredAt };
  },
});

/** A sealed value names the stream that it was made for. */
function ownId(password: Sealed<string>): string {
  const parsed = parseSealed(password);
  if (parsed === 'erased') throw new Error('an account whose person was forgotten before it was made');
  return parsed.fields.stream.slice('user-'.length);
}

/** Everybody whose data the account holds: found by this tag when somebody is to be forgotten. */
function subjectsOf({ username, email, fullName, password }: UserState): { subjects: string[] } {
  return { subjects: [...new Set([password, username, email, fullName].flatMap((v) => (v ? subjectOf(v) ?? [] : [])))] };
}
