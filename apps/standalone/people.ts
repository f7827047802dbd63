import type { CommandContext } from '#libs/event-sourcing/decider';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { commonPasswords } from '#libs/identity/password/common-passwords';
import type { PasswordPolicy } from '#libs/identity/password/password-policy';
import { Passwords } from '#libs/identity/password/passwords';
import { Accounts } from '#libs/identity/user/accounts';
import { Administration } from '#libs/identity/user/administration';
import { userList } from '#projections/user-list/user-list.projection';
import { activeAdmins } from '#projections/user-list/user-list.reader';

/** The accounts of this process, and who administers them; one pool of password hashes for all that asks for them. */
export interface People { accounts: Accounts; administration: Administration; passwords: Passwords }

export interface PeopleOptions { clock: Clock; random: (bytes: number) => Buffer; /** the setting in force */ passwordPolicy: () => PasswordPolicy; /** told how many password hashes run or wait */ hashing?: (depth: number) => void }

export function openPeople(kernel: Kernel, { clock, random, passwordPolicy, hashing }: PeopleOptions): People {
  const { commands, states, keyring, sealer, seeing, options } = kernel;
  const passwords = new Passwords({ random, ...(hashing ? { onDepth: hashing } : {}) });
  const accounts = new Accounts({ commands, states, keyring, sealer, passwords, clock, random, passwordPolicy, commonPasswords });
  const admins = async ({ principal }: CommandContext): Promise<string[]> => {
    await seeing.upTo({ follower: userList.name, collection: kernel.collection(userList.name) }, principal);
    return activeAdmins(options.engine.readModels);
  };
  return { accounts, passwords, administration: new Administration({ accounts, clock, random, admins }) };
}
