import { randomBytes } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { Known } from '#libs/identity/authenticate';
import type { KeyUses } from '#libs/identity/keyuse/key-uses';
import type { CurrentSettings } from '#libs/settings/settings';
import { ApiKeys } from './api-keys.js';
import { Verification } from './verification.js';

interface From { kernel: Kernel; known: Known; settings: CurrentSettings; clock: Clock }

/** What the routes of API keys are made of. */
export const apiKeysProviders = ({ kernel: { states, keyring, sealer, seeing, options }, known, settings, clock }: From, uses: KeyUses): Provider[] => [
  { provide: ApiKeys, inject: [CommandBus], useFactory: (bus: CommandBus) => new ApiKeys({ bus, views: options.engine.readModels, states, keyring, sealer, seeing, clock, settings, random: randomBytes }) },
  { provide: Verification, useValue: new Verification({ known, uses, now: () => clock.now() }) },
];
