import type { Provider } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { Accounts } from '#libs/identity/user/accounts';
import { addressGuard, type AddressRules } from '#libs/platform/egress/address.guard';
import { Administration } from '#libs/settings/administration';
import { LiveSettings } from '#libs/settings/settings';
import { SettingsAudit } from './audit.js';

/** What the settings' routes are made of. @param egress where outbound calls may go: a setting names no other place */
export const settingsProviders = ({ kernel: { states, seeing, keyring, options }, settings, accounts, egress, clock }: { kernel: Kernel; settings: LiveSettings; accounts: Accounts; egress: AddressRules; clock: Clock }): Provider[] => [
  { provide: LiveSettings, useValue: settings },
  { provide: SettingsAudit, useValue: new SettingsAudit({ views: options.engine.readModels, seeing, keyring, accounts }) },
  {
    provide: Administration, inject: [CommandBus],
    useFactory: (bus: CommandBus) => new Administration({ states, execute: (command) => bus.execute(command), guard: addressGuard(egress), defaults: settings.defaults, now: () => clock.now() }),
  },
];
