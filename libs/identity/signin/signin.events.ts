import type { Sensitive } from '#libs/event-sourcing/sealed';

/**
 * Sign-ins that were refused, in bulk: one event per process and second, each in a stream of its own, `signin-{id}`.
 * What was typed is never kept: where no account is called so, it may be a password in the wrong field.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type SigninEvents = {
  SigninsRefused: {
    /** at most 500 */
    entries: {
      /** null: no account of that name */
      user: string | null;
      reason: SigninRefusal;
      address: Sensitive<string>;
      userAgent: Sensitive<string> | null;
      at: string;
    }[];
    at: string;
  };
};
/** `delayed`: too many wrong ones before, so the password was not looked at. Words are added, never changed. */
export type SigninRefusal = 'unknown' | 'password' | 'disabled' | 'delayed';
