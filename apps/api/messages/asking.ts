import type { CommandBus } from '@nestjs/cqrs';
import type { StreamCommand } from '#libs/event-sourcing/decider';
import type { Position } from '#libs/event-sourcing/event';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Seeing } from '#libs/event-sourcing/running/seeing';
import type { States } from '#libs/event-sourcing/running/states';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { principalName, type Principal } from '#libs/identity/principal';
import type { Gateways } from './acceptance.js';

/** What the message surfaces need of the house. */
export interface MessagePorts {
  bus: CommandBus;
  store: EventStore;
  views: ReadModels;
  states: States;
  sealer: Sealer;
  keyring: Keyring;
  seeing: Seeing;
  clock: Clock;
  gateways: Gateways;
  /** told how many messages a request made; repeats make none */
  accepted(form: 's1' | 'native' | 'batch', count: number): void;
}

/** Who asks, in which request. */
export interface Asking { principal: Principal; requestId: string; traceparent?: string; idempotencyKey?: string | string[]; position?: string }
export interface Answer { status: number; body: Record<string, unknown>; position?: Position | null; replayed?: boolean }

export const contextOf = (asking: Asking): StreamCommand['context'] =>
  ({ principal: principalName(asking.principal), correlationId: asking.requestId, causationId: asking.requestId, ...(asking.traceparent ? { traceparent: asking.traceparent } : {}) });
