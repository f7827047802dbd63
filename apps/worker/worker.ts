import type { Job, WorkQueue } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import { BATCH_PARTS } from '#libs/messaging/batch/parts.process';
import { ATTEMPTS, SETTLINGS } from '#libs/messaging/message/delivery.process';
import { performAttempt, settleAttempt, type AttemptPorts } from './attempts.js';
import { makeParts, type PartsPorts } from './batch-parts.js';
import { mailHandlers, type MailPorts } from './mails.js';

/** What the worker needs of the house; without `mails`, no mail leaves this process. */
export type WorkerPorts = AttemptPorts & PartsPorts & { mails?: MailPorts };

/** What is done for each topic, and how many at once. The only place from which anything leaves for a gateway. */
const handlers = (ports: WorkerPorts): Record<string, (job: Job) => Promise<Handled>> => ({
  [ATTEMPTS]: (job) => performAttempt(ports, job),
  [SETTLINGS]: (job) => settleAttempt(ports, job),
  [BATCH_PARTS]: (job) => makeParts(ports, job),
  ...(ports.mails ? mailHandlers(ports.mails) : {}),
});

/** Takes work until the signal aborts; resolves when the last handler has answered. */
export async function runWorker(queue: WorkQueue, ports: WorkerPorts, concurrency: number, signal: AbortSignal): Promise<void> {
  await Promise.all(Object.entries(handlers(ports)).map(([topic, handle]) => queue.consume(topic, handle, { concurrency, signal })));
}
