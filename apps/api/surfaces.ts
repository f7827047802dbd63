import { apiKeysSurface } from './api-keys/api-keys.surface.js';
import { certificatesSurface } from './certificates/certificates.surface.js';
import { authSurface } from './auth/auth.surface.js';
import type { Surface } from './docs/surface.js';
import { messagesSurface } from './messages/messages.surface.js';
import { operationsSurface } from './operations.surface.js';
import { socketsSurface } from './sockets/sockets.surface.js';
import { usersSurface } from './users/users.surface.js';
import { settingsSurface } from './settings/settings.surface.js';

/** Every part of the API in words, in the order of the document; one beside every controller of `controllers.ts`. */
export const SURFACES: readonly Surface[] = [messagesSurface, authSurface, apiKeysSurface, certificatesSurface, usersSurface, settingsSurface, socketsSurface, operationsSurface];
