import type { Plain } from '#libs/event-sourcing/sealed';
import type { AccountNames } from '#libs/identity/user/accounts';
import type { UserState } from '#libs/identity/user/user.decider';
import type { UserEvents } from '#libs/identity/user/user.events';
import type { ListedUser } from '#projections/user-list/user-list.projection';

/** The account's first event, opened: null where it was erased. */
export type FirstEvent = Omit<Plain<UserEvents['UserRegistered']>, 'password'> & { password: string | null };

export const answerOf = (state: UserState, { username, email, fullName }: AccountNames): Record<string, unknown> => ({
  id: state.id, username, email, full_name: fullName, role: state.role, status: state.status, must_change_password: state.mustChange,
  created_at: state.registeredAt, updated_at: state.changedAt,
});

/** As it was answered when it was made. */
export const firstAnswer = (id: string, { username, email, fullName, role, mustChange, registeredAt }: FirstEvent): Record<string, unknown> => ({
  id, username, email, full_name: fullName, role, status: 'active', must_change_password: mustChange, created_at: registeredAt, updated_at: registeredAt,
});

export const rowAnswer = (id: string, row: ListedUser): Record<string, unknown> => ({
  id, username: row.username, email: row.email, full_name: row.fullName, role: row.role, status: row.status, must_change_password: row.mustChange,
  created_at: row.registeredAt, updated_at: row.changedAt,
});
