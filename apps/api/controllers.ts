import { DocsController } from './docs/docs.controller.js';
import { HealthController } from './health.controller.js';
import { MessagesController } from './messages/messages.controller.js';
import { SettingsController } from './settings/settings.controller.js';

/** Everything that answers over HTTP: what the API serves, and what its description is made from. */
export const CONTROLLERS = [MessagesController, SettingsController, HealthController, DocsController];
/** What a process answers that is not the API: how it is. */
export const HEALTH_ONLY = [HealthController];
