import { processOf } from '#libs/event-sourcing/process';
import { user } from '../user/user.decider.js';

export const RESET_MAILS = 'reset-mails';
export const RESET_MAIL_SETTLINGS = 'reset-mail-settlings';

/** How long handing one mail over may take. */
export const MAIL_DEADLINE_MS = 60_000;
/** What the claim and its outcome may take on top. */
const SETTLE_AFTER_MS = MAIL_DEADLINE_MS + 10_000;

/** The mail with the newest link: to be sent, or, where nothing was heard of it, to be given up. Never sent twice: a second one would look like an attack. */
export const resetMail = processOf({
  name: 'reset-mail',
  of: user,
  next(state, id) {
    const reset = state?.status === 'active' ? state.reset : null;
    if (!reset) return null;
    if (reset.mail === 'due') return { topic: RESET_MAILS, lane: '', id: `${id}/${reset.id}`, dueAt: reset.at };
    if (reset.mail === 'started') return { topic: RESET_MAIL_SETTLINGS, lane: '', id: `${id}/${reset.id}/settle`, dueAt: new Date(Date.parse(reset.startedAt!) + SETTLE_AFTER_MS).toISOString() };
    return null;
  },
});
