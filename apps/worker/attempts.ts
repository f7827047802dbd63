import type { CommandBus } from '@nestjs/cqrs';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Due, Handled } from '#libs/event-sourcing/process';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Executed } from '#libs/event-sourcing/running/commands';
import type { States } from '#libs/event-sourcing/running/states';
import { looksSealed } from '#libs/event-sourcing/sealed';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import type { CallOutcome, GatewaySettings } from '#libs/messaging/gateways/gateway';
import { GATEWAY_KINDS } from '#libs/messaging/gateways/gateway-kinds';
import { delivery } from '#libs/messaging/message/delivery.process';
import { CancelMessage, message, RecordNotMade, RecordOutcome, SettleAttempt, StartAttempt, type Message } from '#libs/messaging/message/message.decider';
import type { EgressClient } from '#libs/platform/egress/egress';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import { outcomeRecorded } from './recording.js';

export interface AttemptPorts {
  bus: CommandBus;
  states: States;
  sealer: Sealer;
  egress: EgressClient;
  gateways: ReadonlyMap<string, GatewaySettings>;
  clock: Clock;
  /** aborts when this process cuts its calls off, to end */
  cut?: AbortSignal;
  /** only where a collector is configured */
  tracing?: Tracing | undefined;
  /** told how each call ended, for metrics */
  ended(gateway: string, outcome: CallOutcome['outcome'], problem: string | null, ms: number): void;
}

/** A call must begin within this of its claim, by the monotonic clock; else it is not made at all. */
const BEGIN_WITHIN_MS = 5_000;
/** Hosts' clocks agree within this. */
const CLOCK_TOLERANCE_MS = 4_000;
/** A gateway that is configured nowhere: its messages wait for whoever configures it. */
const GATEWAY_MISSING_MS = 30_000;

const idOf = (stream: string): string => stream.slice('message-'.length);
const contextOf = (m: Message, job: Job, exclusive = false) =>
  ({ principal: 'system:worker', correlationId: m.correlationId, causationId: job.id, ...(m.traceparent ? { traceparent: m.traceparent } : {}), exclusive });

/** The message's state if this job is still what is to be done for it now; else how to answer the queue. */
async function stillDue(ports: AttemptPorts, job: Job): Promise<{ m: Message; due: Due } | Handled> {
  const id = idOf(job.stream);
  const current = (m: Message): Due | null => { const due = delivery.next(m, id); return due?.id === job.id ? due : null; };
  let m = (await ports.states.load(message, job.stream)).state as Message;
  let due = current(m);
  if (!due) {
    m = (await ports.states.read(message, job.stream)).state as Message;
    due = current(m);
  }
  if (!due) return 'drop';
  const now = ports.clock.now().getTime();
  const at = due.until && due.until < due.dueAt ? due.until : due.dueAt;
  return Date.parse(at) - CLOCK_TOLERANCE_MS > now ? { later: at } : { m, due };
}

/** What a claim came to; `drop` where somebody else has it. */
async function refusedOr<T>(claim: () => Promise<Executed<Message>>, came: (done: Executed<Message>) => T): Promise<T | 'drop'> {
  try { return came(await claim()); } catch (error) {
    if (error instanceof Refusal) return 'drop';
    throw error;
  }
}

/** Performs one attempt: claim, call, outcome. Everything before the claim may happen twice; nothing after it does. */
export async function performAttempt(ports: AttemptPorts, job: Job): Promise<Handled> {
  const { bus, sealer, egress, clock } = ports;
  const still = await stillDue(ports, job);
  if (typeof still === 'string' || 'later' in still) return still;
  const { m } = still, id = idOf(job.stream), n = m.attempts + 1;
  const claim = (): Promise<Executed<Message>> => bus.execute(new StartAttempt(id, { n }, contextOf(m, job, true)));
  // its time is over: the decider ends it, whatever its content or its gateway have become
  if (m.endsAt <= clock.now().toISOString()) return refusedOr(claim, () => 'done');
  const gateway = ports.gateways.get(m.gateway);
  if (!gateway) return { later: new Date(clock.now().getTime() + GATEWAY_MISSING_MS).toISOString() };
  const [recipient, sender, body] = await sealer.open([m.recipient, m.sender, m.body]);
  if (body === null || body === undefined) {
    await bus.execute(new CancelMessage(id, { by: 'system:erasure', reason: 'erased' }, contextOf(m, job)));
    return 'done';
  }
  const claimedAt = clock.monotonic();
  const claimed = await refusedOr(claim, ({ state }) => (state.running?.n === n ? 'ours' : 'done'));
  if (claimed !== 'ours') return claimed;
  const late = ports.cut?.aborted ? 'the process was about to end' : clock.monotonic() - claimedAt > BEGIN_WITHIN_MS ? 'the call could not begin in time' : null;
  if (late) {
    await outcomeRecorded(clock, () => bus.execute(new RecordNotMade(id, { n, reason: late }, contextOf(m, job))));
    return 'done';
  }
  const span = ports.tracing?.span('attempt', 'client', { parent: m.traceparent ?? undefined });
  const begun = clock.monotonic();
  const answered = await GATEWAY_KINDS[gateway.kind](gateway, { attemptId: `${id}/${n}`, recipient: recipient ?? null, sender: sender ?? null, body, ...(span ? { traceparent: span.traceparent } : {}) }, egress);
  const result = storable(answered);
  const durationMs = Math.round(clock.monotonic() - begun);
  const problem = result.outcome === 'sent' ? null : result.problem;
  ports.ended(gateway.name, result.outcome, problem, durationMs);
  span?.end({ 'heliograph.gateway': gateway.name, 'heliograph.outcome': result.outcome, 'heliograph.problem': problem ?? 'none', 'heliograph.attempt': n });
  await outcomeRecorded(clock, () => bus.execute(new RecordOutcome(id, { n, result, durationMs }, contextOf(m, job))));
  return 'done';
}

/** A reference that claims to be a sealed value would be refused at the append, and the outcome with it. */
const storable = (o: CallOutcome): CallOutcome => (o.outcome === 'sent' && looksSealed(o.providerRef) ? { ...o, providerRef: null } : o);

/** Settles an attempt of which nothing was heard. */
export async function settleAttempt(ports: AttemptPorts, job: Job): Promise<Handled> {
  const still = await stillDue(ports, job);
  if (typeof still === 'string' || 'later' in still) return still;
  const { m, due } = still;
  if (due.dueAt > ports.clock.now().toISOString()) return { later: due.dueAt };
  await ports.bus.execute(new SettleAttempt(idOf(job.stream), { n: m.running!.n }, contextOf(m, job)));
  return 'done';
}
