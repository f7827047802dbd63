import type { AnyDecider } from '#libs/event-sourcing/decider';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { LiveListener } from '#libs/event-sourcing/running/live-state';
import type { Account, Known, Session } from '#libs/identity/authenticate';
import { credential, type CredentialState } from '#libs/identity/credential/credential.decider';
import type { SessionCookies } from '../api/principal.guard.js';
import { liveStates, type LiveStates } from '#libs/identity/live-states';

/** Who may come, live in this process. */
export interface LivePeople {
  credentials: LiveStates<CredentialState>;
  listeners: readonly LiveListener[];
  /** Everything that the guard asks. */
  known: Known;
  cookies: SessionCookies;
}

/** @param kernel asked only once it is open */
export function livePeople(kernel: () => Kernel, clock: Clock): LivePeople {
  const live = <State extends object>(d: AnyDecider): LiveStates<State> => liveStates<State>({
    category: d.stream, monotonic: () => clock.monotonic(),
    load: async (stream) => {
      const { state, revision } = await kernel().states.read(d, stream);
      return revision === NO_STREAM ? null : state as State;
    },
  });
  const credentials = live<CredentialState>(credential);
  const nobody = async (): Promise<null> => null;
  return {
    credentials, listeners: [credentials],
    known: {
      credential: (id) => credentials.find(id), account: nobody as () => Promise<Account | null>, session: nobody as () => Promise<Session | null>,
      accessToken: () => null, cookie: () => null,
      mac: (purpose, text) => kernel().keyring.mac(purpose, text),
    },
    cookies: { name: 'heliograph_session', crossSite: () => true, renewed: () => null },
  };
}
