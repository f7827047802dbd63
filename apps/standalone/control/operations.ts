import { issueCertificate, renewCertificate } from './certificates.js';
import { createToken, listOf, revokeOf } from './credentials.js';
import { inspect } from './inspection.js';
import { listOfMessages, replayMessage, showMessage } from './messages.js';
import type { Operation } from './operation.js';
import { listOfViews, rebuildView } from './projections.js';
import { listSignInKeys, rotateSignInKeys } from './sign-in-keys.js';
import { changeUserRole, createUser, deleteUser, disableUser, enableUser, listOfUsers, setUserPassword } from './users.js';
import { exportSettings, getSetting, importSettings, listSettings, setSetting } from './settings.js';

/** Everything that can be asked for over the control socket, by name. What is not here cannot be done over it. */
export const OPERATIONS = {
  'tokens.create': createToken,
  'tokens.list': listOf('api-token'),
  'tokens.revoke': revokeOf('api-token'),
  'certs.issue': issueCertificate,
  'certs.renew': renewCertificate,
  'certs.list': listOf('client-certificate'),
  'certs.revoke': revokeOf('client-certificate'),
  'messages.list': listOfMessages,
  'messages.show': showMessage,
  'messages.replay': replayMessage,
  'projections.list': listOfViews,
  'projections.rebuild': rebuildView,
  'settings.list': listSettings,
  'settings.get': getSetting,
  'settings.set': setSetting,
  'settings.export': exportSettings,
  'settings.import': importSettings,
  'users.create': createUser,
  'users.list': listOfUsers,
  'users.disable': disableUser,
  'users.enable': enableUser,
  'users.password': setUserPassword,
  'users.role': changeUserRole,
  'users.delete': deleteUser,
  'sign-in-keys.list': listSignInKeys,
  'sign-in-keys.rotate': rotateSignInKeys,
  inspect,
};

export type OperationName = keyof typeof OPERATIONS;
export type GivenOf<N extends OperationName> = (typeof OPERATIONS)[N] extends Operation<infer G, infer _R> ? G : never;
export type ResultOf<N extends OperationName> = (typeof OPERATIONS)[N] extends Operation<infer _G, infer R> ? R : never;
