import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandBus } from '@nestjs/cqrs';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { FaultEventStore } from '#libs/engines/fault/fault-event-store';
import type { AnyDecider, StreamCommand } from '#libs/event-sourcing/decider';
import type { StoredEvent } from '#libs/event-sourcing/event';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { AnyProcess } from '#libs/event-sourcing/process';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { Commands } from '#libs/event-sourcing/running/commands';
import { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import { States } from '#libs/event-sourcing/running/states';
import { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { batch } from '#libs/messaging/batch/batch.decider';
import { defaultGateways } from '#libs/messaging/gateways/default-gateways';
import { look } from '#libs/messaging/look/look.decider';
import { message, type Acceptance, type Message } from '#libs/messaging/message/message.decider';
import { delivery } from '#libs/messaging/message/delivery.process';
import { accept, context } from '#libs/messaging/testing/message-life';
import type { EgressRequest, EgressResult } from '#libs/platform/egress/egress';
import type { AttemptPorts } from '../attempts.js';
import type { PartsPorts } from '../batch-parts.js';

const DECIDERS: readonly AnyDecider[] = [message, batch, look];

/** Time that passes when told; whatever waits, waits not at all and is written down. */
export class ToldClock implements Clock {
  readonly waits: number[] = [];
  #wall = Date.parse('2030-01-01T00:00:00.000Z');
  #elapsed = 0;
  now(): Date { return new Date(this.#wall); }
  monotonic(): number { return this.#elapsed; }
  after(ms: number, call: () => void): () => void {
    this.waits.push(ms);
    const soon = setImmediate(call);
    return () => clearImmediate(soon);
  }
  pass(ms: number): void { this.#wall += ms; this.#elapsed += ms; }
}

export const OK: EgressResult = { ok: true, status: 200, headers: {}, body: Buffer.from('OK sms-1\n'), truncated: false };
export const REFUSED: EgressResult = { ok: false, problem: 'connect', sent: false, detail: 'refused' };
export const CUT: EgressResult = { ok: false, problem: 'reset', sent: true, detail: 'cut' };

/** A process's own memory over engines that may be shared, and a gateway that answers as told. */
export interface Workplace {
  ports: AttemptPorts & PartsPorts;
  /** appends of this process fail so many times, lost or made and not answered */
  fail(times: number, how: 'lost' | 'unanswered'): void;
  /** called before each command */
  before: (command: StreamCommand) => void;
}

/** Engines in a temporary folder, and what the processes on it share. */
export class Workshop {
  readonly clock = new ToldClock();
  /** what left for a gateway */
  readonly calls: EgressRequest[] = [];
  readonly outcomes: [gateway: string, outcome: string, problem: string | null][] = [];
  answer: (request: EgressRequest) => EgressResult | Promise<EgressResult> = () => OK;

  private constructor(readonly dir: string, readonly engine: Embedded, readonly first: Workplace, readonly keyring: Keyring) {}

  static async open(): Promise<Workshop> {
    const dir = mkdtempSync(join(tmpdir(), 'heliograph-worker-'));
    const engine = await openEmbedded({ dir });
    const keyring = await Keyring.open(engine.keys, Buffer.alloc(32, 7));
    const workshop: Workshop = new Workshop(dir, engine, undefined as never, keyring);
    return Object.assign(workshop, { first: workshop.another() });
  }
  async close(): Promise<void> {
    await this.engine.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Another process on the same engines: a memory of its own. */
  another(): Workplace {
    let failing = 0;
    const faults = { random: () => (failing > 0 && failing-- > 0 ? 0 : 0.9), lost: 0, unanswered: 0 };
    const store = new FaultEventStore(this.engine.eventStore, faults);
    const sealer = new Sealer(this.keyring);
    const states = new States(store, this.engine.readModels, new EventRegistry(DECIDERS), (text) => this.keyring.mac('snapshot', text));
    const commands = new Commands(store, states, sealer, this.clock);
    const place: Workplace = { before: () => {}, fail: (times, how) => { failing = times; faults.lost = how === 'lost' ? 0.5 : 0; faults.unanswered = how === 'unanswered' ? 0.5 : 0; }, ports: null as never };
    const bus = { execute: async (c: StreamCommand) => {
      place.before(c);
      return commands.execute(DECIDERS.find((d) => c.constructor.name in d.commands)!, c);
    } } as unknown as CommandBus;
    const gateways = new Map(defaultGateways({ httpUrl: 'http://192.0.2.1/sink', smsUrl: 'http://192.0.2.1/gateway.jsp' }).map((g) => [g.name, g]));
    const egress = { request: async (r: EgressRequest) => { this.calls.push(r); return this.answer(r); }, close: async () => {} };
    place.ports = { bus, commands, store, states, sealer, egress, gateways, clock: this.clock, ended: (gateway, outcome, problem) => this.outcomes.push([gateway, outcome, problem]) };
    return place;
  }

  /** A new message; answers its id. */
  async accepted(over: Partial<Acceptance> = {}): Promise<string> {
    const id = `msg_${randomUUID().replaceAll('-', '')}`;
    await this.first.ports.commands.execute(message, accept(over, id));
    return id;
  }
  execute(command: StreamCommand, place = this.first): Promise<unknown> { return place.ports.bus.execute(command); }

  /** What is to be done now for a stream, as the scheduler would hand it over. */
  async job(stream: string, process: AnyProcess = delivery): Promise<Job> {
    const { state } = await this.another().ports.states.read(process.of as AnyDecider, stream);
    const due = process.next(state as never, stream.slice(stream.indexOf('-') + 1))!;
    return { topic: due.topic, stream, id: due.id, lane: due.lane };
  }
  async events(stream: string): Promise<StoredEvent[]> { return this.engine.eventStore.read(stream, 0, 1_000); }
  async life(id: string): Promise<string[]> { return (await this.events(`message-${id}`)).map((e) => e.type); }
  async message(id: string): Promise<Message> { return (await this.another().ports.states.read(message, `message-${id}`)).state as Message; }
}
export { context };
