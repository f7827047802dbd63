import { randomBytes } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { Accounts } from '#libs/identity/user/accounts';
import { Administration } from '#libs/identity/user/administration';
import { Users } from './users.js';

/** What the routes of accounts are made of. Every route that signs in, or asks who somebody is, shares this one `Accounts`. */
export const usersProviders = ({ kernel, accounts, administration }: { kernel: Kernel; accounts: Accounts; administration: Administration }): Provider[] => [
  { provide: Accounts, useValue: accounts },
  { provide: Users, useValue: new Users({ kernel, accounts, administration, random: randomBytes }) },
];
