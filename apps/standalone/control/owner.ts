import { Refusal } from '#libs/event-sourcing/errors';
import { resolveOwner, type ResolvedOwner } from '#libs/identity/credential/resolve-owner';
import { openPeople } from '../people.js';
import type { Parts } from './operation.js';

/** Whose a credential is to be: an account by id, username or e-mail address, else the name of an owner without one. @throws Refusal validation_failed */
export const ownerOf = (parts: Parts, name: string): Promise<ResolvedOwner> =>
  // no password is made here, so no rule for one is asked
  resolveOwner(name, openPeople(parts.kernel, { clock: parts.clock, random: parts.random, passwordPolicy: () => 'standard' }).accounts);

/** The same where only somebody's things are looked for: who is nobody has none. */
export const ownerLookedFor = async (parts: Parts, name: string): Promise<string> => {
  try { return (await ownerOf(parts, name)).owner; } catch (error) {
    if (error instanceof Refusal) return name;
    throw error;
  }
};
