import { randomBytes } from 'node:crypto';
import type { AnyDecider } from '#libs/event-sourcing/decider';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { LiveListener } from '#libs/event-sourcing/running/live-state';
import type { Known } from '#libs/identity/authenticate';
import { credential, type CredentialState } from '#libs/identity/credential/credential.decider';
import { liveStates, type LiveStates } from '#libs/identity/live-states';
import { Cookies } from '#libs/identity/session/cookie';
import { session, type SessionState } from '#libs/identity/session/session.decider';
import { SigningKeys } from '#libs/identity/session/signing-keys';
import { Tokens } from '#libs/identity/session/tokens';
import { user, type UserState } from '#libs/identity/user/user.decider';
import type { CurrentSettings } from '#libs/settings/settings';

/** Who may come, live in this process. */
export interface LivePeople {
  credentials: LiveStates<CredentialState>;
  accounts: LiveStates<UserState>;
  sessions: LiveStates<SessionState>;
  keys: SigningKeys;
  tokens: Tokens;
  cookies: Cookies;
  listeners: readonly LiveListener[];
  /** Everything that the guard asks. */
  known: Known;
  /** Reads what signs. Call it once the log is heard. */
  start(): Promise<void>;
}

/** @param kernel asked only once it is open · @param secretKey SECRET_KEY: what is signed under another one, or under none, does not count */
export function livePeople(kernel: () => Kernel, settings: CurrentSettings, clock: Clock, secretKey: string | null): LivePeople {
  const live = <State extends object>(d: AnyDecider): LiveStates<State> => liveStates<State>({
    category: d.stream, monotonic: () => clock.monotonic(),
    load: async (stream) => {
      const { state, revision } = await kernel().states.read(d, stream);
      return revision === NO_STREAM ? null : state as State;
    },
  });
  const credentials = live<CredentialState>(credential), sessions = live<SessionState>(session), accounts = live<UserState>(user);
  const keys = new SigningKeys(), now = (): Date => clock.now();
  const tokens = new Tokens({ keys, now, lifetimes: () => ({ accessMinutes: settings.value('authentication.access_token_minutes'), refreshDays: settings.value('authentication.refresh_token_days') }) });
  const cookies = new Cookies({ keys, now, limits: () => ({ idleMinutes: settings.value('authentication.session_idle_minutes'), hours: settings.value('authentication.session_hours') }) });
  const mac = (purpose: string, text: string): Buffer => kernel().keyring.mac(purpose, text);
  const signing = secretKey === null ? mac : (purpose: string, text: string): Buffer => mac(purpose, `${text} ${secretKey}`);
  return {
    credentials, accounts, sessions, keys, tokens, cookies,
    listeners: [credentials, accounts, sessions, keys],
    known: {
      credential: (id) => credentials.find(id), session: (id) => sessions.find(id), account: (id) => accounts.find(id),
      accessToken: (text) => tokens.verifyAccess(text), cookie: (text) => cookies.read(text), mac, monotonic: () => clock.monotonic(),
    },
    start: () => keys.start({ commands: kernel().commands, states: kernel().states, mac: signing, random: randomBytes }),
  };
}
