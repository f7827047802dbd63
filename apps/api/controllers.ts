import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { CertificatesController, OwnCertificatesController } from './certificates/certificates.controller.js';
import { ApiAuthController, AuthController } from './auth/auth.controller.js';
import { FormsController } from './auth/forms.controller.js';
import { ProfileController } from './auth/profile.controller.js';
import { DocsController } from './docs/docs.controller.js';
import { HealthController } from './health.controller.js';
import { MessagesController } from './messages/messages.controller.js';
import { PanelUsersController } from './users/panel-users.controller.js';
import { OtherUsersController, UsersController } from './users/users.controller.js';
import { NoSocketsController, SocketsController } from './sockets/sockets.controller.js';
import { SettingsController } from './settings/settings.controller.js';

/** Everything that answers over HTTP: what the API serves, and what its description is made from. */
export const CONTROLLERS = [MessagesController, AuthController, ApiAuthController, FormsController, ProfileController, ApiKeysController, CertificatesController, OwnCertificatesController, SettingsController, UsersController, OtherUsersController, PanelUsersController, SocketsController, HealthController, DocsController];
/** The same where no WebSocket is opened. */
export const CONTROLLERS_WITHOUT_SOCKETS = CONTROLLERS.map((c) => (c === SocketsController ? NoSocketsController : c));
/** What a process answers that is not the API: how it is. */
export const HEALTH_ONLY = [HealthController];
