import { createEgress } from '#libs/platform/egress/egress.client';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { egressRules } from '../standalone/egress-rules.js';
import { mailHouse } from '../standalone/mail-house.js';
import type { OpenWorker } from '../standalone/house.js';
import { runWorker } from './worker.js';

/** How long the outcomes of calls that were cut off may take to be written. */
const RECORDING_MS = 3_000;
/** Waits for the work, and no longer than this. */
const within = async (clock: Clock, ms: number, work: Promise<unknown>): Promise<void> => {
  let cancel = (): void => {};
  await Promise.race([work, new Promise<void>((over) => { cancel = clock.after(ms, over); })]).finally(() => cancel());
};

/** The worker, at work. */
export const openWorker: OpenWorker = (c, { api, kernel, settings, gateways, clock, metrics, tracing }) => {
  const { engine } = kernel.options;
  const egress = createEgress(egressRules(c));
  const stop = new AbortController(), cut = new AbortController();
  const work = runWorker(engine.workQueue, {
    cut: cut.signal,
    bus: api.bus, commands: kernel.commands, store: engine.eventStore, states: kernel.states, sealer: kernel.sealer, egress, gateways, clock, tracing,
    mails: { bus: api.bus, states: kernel.states, sealer: kernel.sealer, keyring: kernel.keyring, egress, clock, mailHouse: () => mailHouse(c, settings), mailed: (outcome, problem) => metrics.mails.inc({ outcome, problem }) },
    ended: (gateway, outcome, problem, ms) => { metrics.calls.inc({ gateway, outcome, problem: problem ?? 'none' }); metrics.callSeconds.observe({ gateway }, ms / 1000); },
  }, c.workerConcurrency, stop.signal);
  return {
    drain: (ms) => { stop.abort(); return within(clock, ms, work); },
    async end() {
      stop.abort();
      cut.abort();
      // where an outcome cannot be written, its settling after the next start tells it
      await egress.close();
      await within(clock, RECORDING_MS, work);
    },
  };
};
