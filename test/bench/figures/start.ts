import type { Figure } from '../ground.js';
import { newPlace, withServer } from '../server.js';

export const start: Figure = {
  name: 'start',
  about: 'from the start of the built program until it says that it is ready and answers so',
  async measure(ground) {
    const first: number[] = [], again: number[] = [];
    const repeats = ground.quick ? 1 : ground.repeats;
    for (let i = 0; i < repeats; i++) {
      ground.say(`start ${i + 1}/${repeats}`);
      const place = newPlace(ground);
      for (const times of [first, again]) {
        await withServer(ground, { called: 'start', place }, async (server) => {
          const { status, text } = await server.get('/ready');
          if (status !== 200) throw new Error(`it said it was ready, and answered ${text}`);
          times.push(server.readyMs);
        });
      }
    }
    return [
      { figure: 'start', what: 'first start: makes data and secrets', unit: 'ms', samples: first, aims: [{ of: 'value', atMost: 3_000 }] },
      { figure: 'start', what: 'start over what is there', unit: 'ms', samples: again, aims: [{ of: 'value', atMost: 3_000 }] },
    ];
  },
};
