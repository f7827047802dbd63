import { Refusal } from '#libs/event-sourcing/errors';
import type { Principal } from './principal.js';

/** Somebody else's thing. Answered exactly as what is not there; whoever answers notes in the log that somebody asked. */
export class Foreign extends Refusal {
  /** @param what kind of thing, of a closed set: `message`, `api-key`, … */
  constructor(readonly what: string) {
    super('not_found');
    this.name = 'Foreign';
  }
}

/** Administrators see everybody's things; everybody else his own. */
export const maySee = (principal: Principal, owner: string): boolean => principal.role === 'admin' || owner === principal.owner;
