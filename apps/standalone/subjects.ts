import { house } from '#libs/event-sourcing/house/house.decider';
import { batch } from '#libs/messaging/batch/batch.decider';
import { parts } from '#libs/messaging/batch/parts.process';
import { credential } from '#libs/identity/credential/credential.decider';
import { name } from '#libs/identity/name/name.decider';
import { stepdown } from '#libs/identity/stepdown/stepdown.decider';
import { user } from '#libs/identity/user/user.decider';
import { look } from '#libs/messaging/look/look.decider';
import { delivery } from '#libs/messaging/message/delivery.process';
import { keyuse } from '#libs/identity/keyuse/keyuse.decider';
import { resetMail } from '#libs/identity/mail/reset-mail.process';
import { keyset } from '#libs/identity/session/keyset.decider';
import { session } from '#libs/identity/session/session.decider';
import { signin } from '#libs/identity/signin/signin.decider';
import { message } from '#libs/messaging/message/message.decider';
import { settings } from '#libs/settings/settings.decider';
import { credentialList } from '#projections/credential-list/credential-list.projection';
import { keyUse } from '#projections/key-use/key-use.projection';
import { messageLog } from '#projections/message-log/message-log.projection';
import { signInLog } from '#projections/sign-in-log/sign-in-log.projection';
import { userList } from '#projections/user-list/user-list.projection';
import { settingsAudit } from '#projections/settings-audit/settings-audit.projection';

/** Every subject that this program knows: what decides, what is due, what is shown. The server and the command line open the same. */
export const SUBJECTS = {
  deciders: [house, message, batch, look, settings, credential, user, name, stepdown, keyuse, keyset, session, signin],
  processes: [delivery, parts, resetMail],
  projections: [userList, signInLog, messageLog, settingsAudit, credentialList, keyUse],
};
