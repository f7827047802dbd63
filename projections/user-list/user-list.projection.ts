import { projection } from '#libs/event-sourcing/projection';
import type { UserEvents } from '#libs/identity/user/user.events';

/** One row per account, by its id, with its names in the open: what administrators look through, and what others are called. A deleted account has none. */
export type ListedUser = {
  /** null: none, or erased */
  username: string | null;
  email: string | null;
  fullName: string | null;
  role: string;
  status: 'active' | 'disabled';
  mustChange: boolean;
  origin: string;
  registeredAt: string;
  changedAt: string;
  /** while it is disabled */
  disabledReason: string | null;
} & Keys;

/** For searching and sorting: cases and compatibility forms are one. */
type Keys = {
  /** of what comes first in a list: the username, or the e-mail address */
  nameKey: string;
  usernameKey: string | null;
  emailKey: string | null;
  fullNameKey: string | null;
  /** the last word of the full name */
  surnameKey: string | null;
};

export const searchKey = (text: string): string => text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC').replaceAll('ς', 'σ');

type Names = Pick<ListedUser, 'username' | 'email' | 'fullName'>;
const keysOf = ({ username, email, fullName }: Names): Keys => {
  const key = (text: string | null): string | null => (text === null ? null : searchKey(text));
  const fullNameKey = key(fullName);
  return { nameKey: key(username ?? email) ?? '', usernameKey: key(username), emailKey: key(email), fullNameKey, surnameKey: fullNameKey?.split(/\s+/u).at(-1) ?? null };
};

export const userList = projection<UserEvents, ListedUser>({
  name: 'user-list',
  version: 1,
  follows: ['user'],
  rowPerStream: true,
  indexes: {
    byName: ['nameKey'], byRole: ['role', 'nameKey'], byStatus: ['status', 'nameKey'], byRoleAndStatus: ['role', 'status', 'nameKey'],
    byUsername: ['usernameKey'], byEmail: ['emailKey'], byFullName: ['fullNameKey'], bySurname: ['surnameKey'],
  },
  keys: (event) => [event.stream.slice('user-'.length)],
  fold(row, event) {
    if (event.type === 'UserRegistered') {
      const { username, email, fullName, role, mustChange, origin, registeredAt } = event.data;
      const names = { username, email, fullName };
      return { ...names, ...keysOf(names), role, status: 'active', mustChange, origin, registeredAt, changedAt: registeredAt, disabledReason: null };
    }
    if (!row) throw new Error(`${event.type} of an account that is not there`);
    switch (event.type) {
      case 'UserProfileChanged': {
        const names = { username: event.data.username, email: event.data.email, fullName: event.data.fullName };
        return { ...row, ...names, ...keysOf(names), changedAt: event.data.at };
      }
      case 'PasswordChanged': return event.data.by === 'rehash' ? row : { ...row, mustChange: event.data.mustChange, changedAt: event.data.at };
      case 'UserRoleChanged': return { ...row, role: event.data.to, changedAt: event.data.at };
      case 'UserDisabled': return { ...row, status: 'disabled', disabledReason: event.data.reason, changedAt: event.data.at };
      case 'UserEnabled': return { ...row, status: 'active', disabledReason: null, changedAt: event.data.at };
      case 'UserDeleted': return null;
      default: return row;
    }
  },
});
