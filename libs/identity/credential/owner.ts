/** What an owner without an account may be called; not as the log calls the command line and the house itself. */
export const OWNER_NAME = /^(?!(?:local|system)$)(?![a-z]{2,5}_)[a-z0-9][a-z0-9._-]{0,62}$/;
export const OWNER_NAME_RULE = 'must be 1 to 63 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit, not like an id (usr_…), and not local or system';
/** Whose things are an account's: its id. */
export const ACCOUNT_ID = /^usr_[0-9a-f]{32}$/;

export const isAccount = (owner: string): boolean => ACCOUNT_ID.test(owner);
/** Somebody who may own things: an account's id, or the name of an owner without one. */
export const isOwner = (owner: string): boolean => OWNER_NAME.test(owner) || isAccount(owner);
