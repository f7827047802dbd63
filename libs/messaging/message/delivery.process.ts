import { processOf } from '#libs/event-sourcing/process';
import { message } from './message.decider.js';
import type { MessageEvents } from './message.events.js';

export const ATTEMPTS = 'message-attempts';
export const SETTLINGS = 'message-settlings';

/**
 * The one thing still to do for a message: its next attempt, or the settling of the one under way. The settling holds a
 * place of the gateway's lane and is itself never held back.
 */
export const delivery = processOf({
  name: 'delivery',
  of: message,
  next(m, id) {
    if (m.running) return { topic: SETTLINGS, lane: '', id: `${id}/${m.running.n}/settle`, dueAt: m.running.settlesAt, holds: m.gateway };
    if ((m.status === 'queued' || m.status === 'retrying') && m.dueAt) return { topic: ATTEMPTS, lane: m.gateway, id: `${id}/${m.attempts + 1}`, dueAt: m.dueAt, until: m.endsAt };
    return null;
  },
  /** A gateway's "no" shows that it is well; what was not reached, or left us without an answer, does not. */
  health({ type, data }) {
    const e = data as MessageEvents['AttemptFailed'];
    switch (type) {
      case 'AttemptSent': return e.late ? null : { lane: e.gateway, good: true };
      case 'AttemptFailed': return e.late ? null : { lane: e.gateway, good: !e.temporary };
      case 'AttemptUnknown': return { lane: e.gateway, good: false };
      default: return null;
    }
  },
});
