import { projection } from '#libs/event-sourcing/projection';
import type { Sealed } from '#libs/event-sourcing/sealed';
import type { SessionEvents } from '#libs/identity/session/session.events';
import type { SigninEvents, SigninRefusal } from '#libs/identity/signin/signin.events';

/** One row per try to sign in: a granted one goes on as its session. Addresses stay sealed. */
export type LoggedSignIn = {
  /** the user's id; null: no account is called so */
  user: string | null;
  at: string;
  granted: boolean;
  /** why not; null where it was granted */
  refusal: SigninRefusal | null;
  address: Sealed<string>;
  userAgent: Sealed<string> | null;
  /** of a granted one alone, from here on; null elsewhere */
  how: SessionEvents['SessionStarted']['how'] | null;
  epoch: number | null;
  /** false once it was ended; whether its time or its count is over, only a reader can say */
  live: boolean;
  /** when its tokens were last refreshed, or it was started */
  usedAt: string | null;
  expiresAt: string | null;
  endedAt: string | null;
  end: SessionEvents['SessionEnded']['reason'] | null;
};

const REFUSED = { granted: false, how: null, epoch: null, live: false, usedAt: null, expiresAt: null, endedAt: null, end: null } as const;
const own = (stream: string): string => stream.slice(stream.indexOf('-') + 1);

export const signInLog = projection<SessionEvents & SigninEvents, LoggedSignIn>({
  name: 'sign-in-log',
  version: 1,
  follows: ['session', 'signin'],
  indexes: { byUser: ['user', 'at'], byTime: ['at'], byOutcome: ['user', 'granted', 'at'], byLive: ['user', 'live', 'epoch', 'usedAt'] },
  keys: (event) => (event.type === 'SigninsRefused' ? event.data.entries.map((_, i) => `${own(event.stream)}.${i}`) : [own(event.stream)]),
  fold(row, event, id) {
    switch (event.type) {
      case 'SigninsRefused': {
        const { user, reason, address, userAgent, at } = event.data.entries[Number(id.slice(id.lastIndexOf('.') + 1))]!;
        return { user, at, refusal: reason, address, userAgent, ...REFUSED };
      }
      case 'SessionStarted': {
        const { owner, epoch, how, address, userAgent, startedAt, expiresAt } = event.data;
        return { user: owner, at: startedAt, granted: true, refusal: null, address, userAgent, how, epoch, live: true, usedAt: startedAt, expiresAt, endedAt: null, end: null };
      }
      case 'SessionRefreshed': return { ...started(row, event.type), usedAt: event.data.at };
      case 'SessionEnded': return { ...started(row, event.type), live: false, endedAt: event.data.at, end: event.data.reason };
    }
  },
});

function started(row: LoggedSignIn | null, type: string): LoggedSignIn {
  if (!row) throw new Error(`${type} before SessionStarted`);
  return row;
}
