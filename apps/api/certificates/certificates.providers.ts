import { randomBytes } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { KeyPair } from '#libs/identity/certificate/authority';
import type { FindAccount } from '#libs/identity/credential/resolve-owner';
import { Certificates } from './certificates.js';

interface From { kernel: Kernel; clock: Clock; accounts: FindAccount; ca: KeyPair }

/** What the routes of certificates are made of. */
export const certificatesProviders = ({ kernel: { states, keyring, seeing, options }, clock, accounts, ca }: From): Provider[] => [
  { provide: Certificates, inject: [CommandBus], useFactory: (bus: CommandBus) => new Certificates({ bus, views: options.engine.readModels, states, keyring, seeing, clock, accounts, ca, random: randomBytes }) },
];
