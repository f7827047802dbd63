import { Refusal } from '#libs/event-sourcing/errors';
import { ownerToBe, resolveOwner, type FindAccount, type ResolvedOwner } from '#libs/identity/credential/resolve-owner';
import { openPeople } from '../people.js';
import type { Parts } from './operation.js';

/** No password is made here, so no rule for one is asked. */
const accountsOf = (parts: Parts): FindAccount => openPeople(parts.kernel, { clock: parts.clock, random: parts.random, passwordPolicy: () => 'standard' }).accounts;

/** Whose a credential is to be: an account by id, username or e-mail address, else the name of an owner without one. @throws Refusal validation_failed */
export const ownerOf = (parts: Parts, name: string): Promise<ResolvedOwner> => ownerToBe(name, accountsOf(parts));

/** `note`: in a sentence who is meant, where the name is that of two; else null. */
export interface LookedFor { owner: string; note: string | null }

/**
 * The same where only somebody's things are looked for: who is nobody has none.
 * @param hasAny whether an owner of exactly this name has any of them
 */
export async function ownerLookedFor(parts: Parts, name: string, hasAny: (owner: string) => Promise<boolean>): Promise<LookedFor> {
  try {
    const { owner, account } = await resolveOwner(name, accountsOf(parts));
    return { owner, note: account && owner !== name && await hasAny(name) ? `These are of the account ${owner}, which is called ${name}. An owner without an account is called so too: its own are listed without --owner.` : null };
  } catch (error) {
    if (error instanceof Refusal) return { owner: name, note: null };
    throw error;
  }
}
