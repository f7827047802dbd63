import { randomBytes } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { Known } from '#libs/identity/authenticate';
import type { Cookies } from '#libs/identity/session/cookie';
import { Sessions } from '#libs/identity/session/sessions';
import type { Tokens } from '#libs/identity/session/tokens';
import { Attempts } from '#libs/identity/signin/attempts';
import { RefusedSignins } from '#libs/identity/signin/refused-signins';
import { SignIn } from '#libs/identity/signin/sign-in';
import type { Accounts } from '#libs/identity/user/accounts';
import { foldedName } from '#libs/identity/name/names';
import type { Metrics } from '#libs/platform/telemetry/metrics';
import type { LiveSettings } from '#libs/settings/settings';
import { Auth } from './auth.js';
import { PasswordReset } from './password-reset.js';
import { Profile } from './profile.js';
import { ProfileTokens } from './profile-tokens.js';
import { SignUp } from './sign-up.js';

export interface AuthParts { kernel: Kernel; accounts: Accounts; settings: LiveSettings; tokens: Tokens; cookies: Cookies; metrics: Metrics; known: Known }

/** What the routes of signing in are made of; `refused` is to be closed, so that what it holds is written. */
export function authParts({ kernel, accounts, settings, tokens, cookies, metrics, known }: AuthParts): { providers: Provider[]; refused: RefusedSignins } {
  const { commands, keyring } = kernel;
  const { clock, engine: { shared } } = kernel.options;
  const random = randomBytes;
  const refused = new RefusedSignins({ commands, clock, lost: (count) => metrics.signInsLost.inc(count) });
  const sessions = new Sessions({ commands, tokens, cookies, clock, hours: () => settings.value('authentication.session_hours'), account: (id) => accounts.state(id) });
  const signIn = new SignIn({
    accounts, sessions, clock, attempts: new Attempts(shared), refused, ended: (outcome) => metrics.signIns.inc({ outcome }),
    nobody: (name) => keyring.mac('sign-in-name', foldedName(name)).toString('base64url').slice(0, 22),
  });
  const auth = new Auth({ accounts, sessions, signIn, cookies, commands, keyring, clock, random });
  return {
    refused, providers: [
      { provide: Sessions, useValue: sessions },
      { provide: Auth, useValue: auth },
      { provide: SignUp, useValue: new SignUp({ accounts, keyring, shared, settings }) },
      { provide: PasswordReset, useValue: new PasswordReset({ accounts, commands, keyring, shared, clock, random }) },
      { provide: Profile, useValue: new Profile({ kernel, accounts, auth, sessions, signIn, settings }) },
      { provide: ProfileTokens, useValue: new ProfileTokens({ kernel, known }) },
    ],
  };
}
