import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { AcceptMessage, message, RecordOutcome, StartAttempt } from '#libs/messaging/message/message.decider';
import { grouped, telling, type Figure, type Ground } from '../ground.js';
import { acceptance, openPlace, type Opened } from '../prepared/opened.js';
import { newPlace } from '../server.js';
import { median, percentile, type Reading } from '../statistics.js';

const SAMPLES = 200;
/** Attempts of a young message that are measured: 8 to 12. */
const YOUNG_FROM = 8, YOUNG_EACH = 5;
/** Of the old one the 400 around its 10,000th. */
const OLD_FROM = 9_800;
const REFUSED = { outcome: 'failed', temporary: true, problem: 'status', status: 503, answer: 'busy, come again' } as const;
const POLICY = { kind: 'constant', everyMs: 30_000, attempts: 20_000, spanMs: 20_000 * 30_000, jitter: 0 } as const;
/** A flush at least as often as snapshots are written, so that these carry positions that go on. */
const ATTEMPTS_A_FLUSH = 40;

/** Claim and outcome of one attempt, as the worker appends them. */
async function attempt(kernel: Kernel, id: string, n: number): Promise<void> {
  const context = { principal: 'system:worker', correlationId: id, causationId: `${id}/${n}` };
  await kernel.commands.execute(message, new StartAttempt(id, { n }, { ...context, exclusive: true }));
  await kernel.commands.execute(message, new RecordOutcome(id, { n, result: REFUSED, durationMs: 12 }, context));
}

async function prepare(ground: Ground, { gathering, gathered }: Opened, id: string, attempts: number): Promise<void> {
  await gathering.commands.execute(message, new AcceptMessage(id, acceptance({ owner: 'bench', recipient: '+15550001111', policy: POLICY }), { principal: 'bench', correlationId: id, causationId: id, creates: true }));
  let n = 0;
  await telling(ground, () => `prepared ${grouped(n)} of ${grouped(attempts)} attempts`, async () => {
    while (n < attempts) {
      await attempt(gathering, id, ++n);
      if (n % ATTEMPTS_A_FLUSH === 0) await gathered.flush();
    }
  });
  await gathered.flush();
}

/** Which attempt of which message comes next. */
function* young(): Generator<[id: string, n: number]> {
  for (let m = 0; ; m++) for (let n = YOUNG_FROM; n < YOUNG_FROM + YOUNG_EACH; n++) yield [`msg_young${m}`, n];
}
function* old(): Generator<[id: string, n: number]> { for (let n = OLD_FROM; ; n++) yield ['msg_old', n]; }

export const attempts: Figure = {
  name: 'attempts',
  about: 'claim and outcome of attempt 10,000 of a message against attempt 10, durable each; warm, and with the state forgotten before',
  async measure(ground) {
    const opened = await openPlace(newPlace(ground), systemClock);
    const ms: Record<'warm' | 'cold', { young: number[]; old: number[] }> = { warm: { young: [], old: [] }, cold: { young: [], old: [] } };
    try {
      for (let m = 0; m < (2 * SAMPLES) / YOUNG_EACH; m++) await prepare(ground, opened, `msg_young${m}`, YOUNG_FROM - 1);
      await prepare(ground, opened, 'msg_old', OLD_FROM - 1);
      const { kernel } = opened, sources = { young: young(), old: old() };
      ground.say(`attempts: ${4 * SAMPLES} samples`);
      for (let i = 0; i < SAMPLES; i++) {
        // in turn, so that whatever else the machine does falls on all alike
        for (const state of ['warm', 'cold'] as const) for (const age of ['young', 'old'] as const) {
          const [id, n] = sources[age].next().value as [string, number];
          if (state === 'warm') await kernel.states.load(message, `message-${id}`);
          else kernel.states.forget(`message-${id}`);
          const began = performance.now();
          await attempt(kernel, id, n);
          ms[state][age].push(performance.now() - began);
        }
      }
    } finally { await opened.close(); }
    return (['warm', 'cold'] as const).map((state): Reading => ({
      figure: 'attempts', what: `attempt 10,000 against attempt 10, ${state}`, unit: '×', samples: [median(ms[state].old) / median(ms[state].young)],
      beside: { 'ms at 10': median(ms[state].young), 'ms at 10,000': median(ms[state].old), 'p95 ms at 10,000': percentile(ms[state].old, 0.95) }, aims: [{ of: 'value', atMost: 1.5 }],
    }));
  },
};
