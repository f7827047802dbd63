import type { Searchable, Sensitive } from '#libs/event-sourcing/sealed';
import type { Role } from '../principal.js';

/**
 * What happens to one person's account, in the stream `user-{id}`. Whoever acts under it owns things by this id, so it
 * never changes; what people call it may. What belongs to the person is sealed to the account (the e-mail address to
 * itself: it is the same person wherever it stands).
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type UserEvents = {
  /** The account exists. Its names were claimed before (streams `name-…`). */
  UserRegistered: {
    /** as it was given, after NFC; null where the person signs in by e-mail alone */
    username: Searchable<string> | null;
    email: Searchable<string> | null;
    fullName: Searchable<string> | null;
    role: Role;
    /** the hash as a PHC string (`$argon2id$…`) */
    password: Sensitive<string>;
    /** somebody else knows the password: the portal asks for a new one first */
    mustChange: boolean;
    origin: 'sign-up' | 'admin' | 'first-start' | 'import';
    /** UTC, ISO 8601 */
    registeredAt: string;
  };
  /** What the person is called, all of it, as it is from now on. */
  UserProfileChanged: { username: Searchable<string> | null; email: Searchable<string> | null; fullName: Searchable<string> | null; at: string };
  /**
   * Another password counts. Every session and API token from before ends, except by `rehash`: the same password under
   * newer parameters.
   */
  PasswordChanged: { password: Sensitive<string>; by: 'self' | 'admin' | 'reset' | 'rehash'; mustChange: boolean; at: string };
  /** Sessions, or API tokens, from before this event open nothing any more. `tokens`: API tokens alone (S3's regenerate). */
  UserSignedOut: { of: 'all' | 'sessions' | 'tokens'; reason: 'asked' | 'admin'; at: string };
  UserRoleChanged: { from: Role; to: Role; at: string };
  /** Nothing of this account opens anything, until it is enabled again; by then its sessions and tokens are gone. */
  UserDisabled: { reason: string | null; at: string };
  UserEnabled: { at: string };
  /** For good. Its messages stay, its names are free again. */
  UserDeleted: { at: string };

  /** A link was asked for. Its secret is derived from the ids here under a key outside the log, so that nobody who reads this can make it. */
  PasswordResetRequested: { reset: string; at: string; expiresAt: string };
  /** The claim of the worker that sends it: durable before the mail leaves. */
  PasswordResetMailStarted: { reset: string; at: string };
  PasswordResetMailEnded: { reset: string; outcome: 'sent' | 'failed' | 'unknown'; problem: string | null; at: string };
};
