import { Refusal } from '#libs/event-sourcing/errors';
import { isAccount, OWNER_NAME, OWNER_NAME_RULE } from './owner.js';

/** What looks accounts up. */
export interface FindAccount {
  /** by username or e-mail address; the id, or null */
  find(nameOrEmail: string): Promise<string | null>;
  state(id: string): Promise<{ status: string; tokenEpoch: number; origin: string } | null>;
}

/** Whose something is. `account`: null for an owner without one. */
export interface ResolvedOwner { owner: string; account: { tokenEpoch: number; origin: string } | null }

/**
 * Who is to be given a credential. People who sign up choose what they are called: by a name that one of them chose nobody is
 * given anything, because whoever asks may mean somebody else.
 * @throws Refusal validation_failed, field `owner`
 */
export async function ownerToBe(text: string, accounts: FindAccount): Promise<ResolvedOwner> {
  const found = await resolveOwner(text, accounts);
  if (found.account?.origin === 'sign-up' && !isAccount(text)) {
    throw new Refusal('validation_failed', undefined, [{ field: 'owner', message: 'is what an account calls itself that somebody signed up for: give its id (usr_…) if you mean that account, and another name if you do not' }]);
  }
  return found;
}

/**
 * Whoever is meant by an account's id, by its username or e-mail address, or else by the name of an owner without an account.
 * @throws Refusal validation_failed, field `owner`
 */
export async function resolveOwner(text: string, accounts: FindAccount): Promise<ResolvedOwner> {
  const no = (message: string): never => { throw new Refusal('validation_failed', undefined, [{ field: 'owner', message }]); };
  const id = isAccount(text) ? text : await accounts.find(text);
  if (id === null) return OWNER_NAME.test(text) ? { owner: text, account: null } : no(`is no account, and as the name of an owner without one it ${OWNER_NAME_RULE}`);
  const account = await accounts.state(id);
  return account && account.status !== 'deleted' ? { owner: id, account } : no('is no account');
}
