import { systemClock } from '#libs/event-sourcing/running/clock';
import { messageLog } from '#projections/message-log/message-log.projection';
import { grouped, type Figure } from '../ground.js';
import { EVENTS_EACH, preparedMessages, rebuilt } from '../prepared/sent-messages.js';
import { openPlace } from '../prepared/opened.js';

export const rebuilding: Figure = {
  name: 'rebuild',
  about: 'the view message-log made anew from the log, as `heliograph projections rebuild` does',
  async measure(ground) {
    const { messages, place } = preparedMessages(ground);
    const { kernel, close } = await openPlace(await place, systemClock);
    const rates: number[] = [];
    try {
      for (let i = 0; i < ground.repeats; i++) {
        ground.say(`rebuild ${i + 1}/${ground.repeats}`);
        const began = performance.now();
        const events = await rebuilt(ground, kernel, messageLog.name);
        rates.push((events * 1000) / (performance.now() - began));
        if (events !== EVENTS_EACH * messages) throw new Error(`${events} events of ${EVENTS_EACH * messages} were folded`);
      }
    } finally { await close(); }
    return [{ figure: 'rebuild', what: `message-log from ${grouped(EVENTS_EACH * messages)} events`, unit: 'events/s', samples: rates, aims: [{ of: 'value', atLeast: 60_000 }] }];
  },
};
