import type { Position } from '#libs/event-sourcing/event';
import { maySee, wanted, type Published } from './published.js';
import type { LiveSocket } from './visitor.js';

/** What one socket wants to hear, and how far it has heard it. */
export class Subscription {
  readonly patterns = new Set<string>();
  /** everything up to here was shown, or came before it was asked for */
  upTo: Position | null = null;
  /** while what was missed is shown, what happens waits */
  held = false;

  constructor(readonly socket: LiveSocket) {}

  get owner(): string { return this.socket.party.principal.owner; }

  shows(event: Published): boolean {
    return (this.upTo === null || event.frame.position > this.upTo) && wanted(this.patterns, event.frame.type) && maySee(this.socket.party.principal, event);
  }
}
