import type { CommandBus } from '@nestjs/cqrs';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Due, Handled } from '#libs/event-sourcing/process';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { States } from '#libs/event-sourcing/running/states';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { resetToken } from '#libs/identity/mail/reset-link';
import { MAIL_DEADLINE_MS, resetMail, RESET_MAILS, RESET_MAIL_SETTLINGS } from '#libs/identity/mail/reset-mail.process';
import { resetText } from '#libs/identity/mail/reset-mail.text';
import { EndResetMail, StartResetMail, user, type UserState } from '#libs/identity/user/user.decider';
import type { EgressLines } from '#libs/platform/egress/egress';
import { sendMail, type MailOutcome, type MailServer } from '#libs/platform/egress/mail';
import { outcomeRecorded } from './recording.js';

/** Where mails go out, and what they say of this house. */
export interface MailHouse { server: MailServer; from: { name: string; address: string }; organisation: string; /** without a slash at its end */ publicUrl: string }
export interface MailPorts {
  bus: CommandBus;
  states: States;
  sealer: Sealer;
  keyring: Pick<Keyring, 'mac'>;
  egress: EgressLines;
  clock: Clock;
  /** As the settings say at this moment; null while there is no mail server, or no public URL for the link. */
  mailHouse(): Promise<MailHouse | null>;
  /** told how each ended, for metrics */
  mailed(outcome: MailOutcome['outcome'], problem: string): void;
}

/** Without a mail server a link waits for one, for as long as it counts. */
const NO_SERVER_MS = 30_000;

const idOf = (stream: string): string => stream.slice(`${user.stream}-`.length);

/** The account's state if this job is still what is to be done for it. */
async function stillDue({ states }: MailPorts, job: Job): Promise<{ state: UserState; due: Due } | null> {
  const state = (await states.read(user, job.stream)).state as UserState | null;
  const due = resetMail.next(state, idOf(job.stream));
  return state && due?.id === job.id ? { state, due } : null;
}

/** Sends the mail with the newest link, once: claim, mail, outcome. */
async function sendResetMail(ports: MailPorts, job: Job): Promise<Handled> {
  const { bus, sealer, keyring, clock } = ports;
  const still = await stillDue(ports, job);
  const reset = still?.state.reset;
  if (!still || !reset) return 'drop';
  const now = clock.now();
  // the link that it holds is over
  if (reset.expiresAt <= now.toISOString()) return 'drop';
  const house = await ports.mailHouse();
  if (!house) return { later: new Date(now.getTime() + NO_SERVER_MS).toISOString() };
  const id = idOf(job.stream), context = { principal: 'system:worker', correlationId: job.id, causationId: job.id };
  const [to] = await sealer.open([still.state.email]);
  try { await bus.execute(new StartResetMail(id, { reset: reset.id }, { ...context, exclusive: true })); } catch (error) {
    if (error instanceof Refusal) return 'drop';
    throw error;
  }
  const link = `${house.publicUrl}/auth/password/reset?token=${resetToken((purpose, text) => keyring.mac(purpose, text), id, reset.id)}`;
  const outcome: MailOutcome = to === null || to === undefined ? { outcome: 'failed', problem: 'refused', code: null }
    : await sendMail(ports.egress, house.server, { ...resetText({ link, organisation: house.organisation }), from: house.from, to, messageId: `<${reset.id}@${domainOf(house.from.address)}>` }, { deadlineMs: MAIL_DEADLINE_MS, helloName: new URL(house.publicUrl).hostname });
  const problem = outcome.outcome === 'sent' ? null : outcome.problem;
  ports.mailed(outcome.outcome, problem ?? 'none');
  await outcomeRecorded(clock, () => bus.execute(new EndResetMail(id, { reset: reset.id, outcome: outcome.outcome, problem }, context)));
  return 'done';
}

/** Settles a mail of which nothing was heard. */
async function settleResetMail(ports: MailPorts, job: Job): Promise<Handled> {
  const still = await stillDue(ports, job);
  if (!still) return 'drop';
  if (still.due.dueAt > ports.clock.now().toISOString()) return { later: still.due.dueAt };
  const context = { principal: 'system:worker', correlationId: job.id, causationId: job.id };
  await ports.bus.execute(new EndResetMail(idOf(job.stream), { reset: still.state.reset!.id, outcome: 'unknown', problem: 'timeout' }, context));
  return 'done';
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);

export const mailHandlers = (ports: MailPorts): Record<string, (job: Job) => Promise<Handled>> => ({
  [RESET_MAILS]: (job) => sendResetMail(ports, job),
  [RESET_MAIL_SETTLINGS]: (job) => settleResetMail(ports, job),
});
