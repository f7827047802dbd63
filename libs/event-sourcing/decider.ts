import type { Catalogue, EventOf, StoredEvent, StoredEventOf, Tags } from './event.js';
import type { Period, SealEvent } from './sealed.js';

/** An intention addressed to one stream. `data` is plain. */
export abstract class StreamCommand<Data extends object = object> {
  constructor(readonly id: string, readonly data: Data, readonly context: CommandContext) {}
}

/** Who asks, and what it belongs to: becomes the metadata of the events. */
export interface CommandContext {
  principal: string;
  correlationId: string;
  causationId: string;
  traceparent?: string;
  /** Draw the event ids at random, so that of two equal commands only one can win (a claim). Otherwise they are derived. */
  exclusive?: boolean;
  /** Expect a new stream, so that nothing is read before the append. */
  creates?: boolean;
}

export type CommandClass<D extends object = any> = new (id: string, data: D, context: CommandContext) => StreamCommand<D>;
type DataOf<C> = C extends CommandClass<infer D> ? D : never;

/**
 * A subject that makes decisions (J. Chassaing's decider). Pure.
 * - `decide(state, command data, now)` → events with sensitive fields in the open, `[]` for nothing to do, or throws a `Refusal`.
 * - `seal` per event that has sensitive fields; `period` says how long what an event holds is kept.
 * - `evolve(state, event)` → state; sees sealed fields only.
 * - `tags(state after the event)` → tags; owner, parent and acceptedAt never change.
 */
export interface Decider<State, Events extends Catalogue, Commands extends Record<string, CommandClass>> {
  /** the stream's category, without a hyphen: streams are `{stream}-{id}` */
  stream: string;
  /** of the state's shape: a change makes older snapshots worthless */
  snapshotVersion: number;
  /** the version of each event type, where it is not 1 */
  versions?: { [T in keyof Events]?: number };
  /** lifts the data of an older version to the next: `[from 1 to 2, from 2 to 3, …]` */
  upcasts?: { [T in keyof Events]?: readonly Upcast[] };
  /** which fields of an event are `Searchable`, by name; an array's items are all of them */
  searchable?: { [T in keyof Events]?: readonly (keyof Events[T] & string)[] };
  initial: State;
  commands: Commands;
  decide: { [C in keyof Commands]: (state: State, data: DataOf<Commands[C]>, now: string, id: string) => EventOf<Events, 'plain'>[] };
  seal?: { [T in keyof Events]?: SealEvent<Events[T], State> };
  period(state: State, event: EventOf<Events, 'plain'>): Period;
  evolve: { [T in keyof Events]: (state: State, data: Extract<EventOf<Events>, { type: T }>['data'], event: Pick<StoredEvent, 'revision' | 'metadata'>) => State };
  tags(state: State): Tags;
}
/** Lifts an event's data from one version to the next. Pure. */
export type Upcast = (data: never) => unknown;
export type AnyDecider = Decider<any, any, any>;
export type StateOf<D> = D extends Decider<infer S, any, any> ? S : never;

export const decider = <State, Events extends Catalogue>() =>
  <Commands extends Record<string, CommandClass>>(d: Decider<State, Events, Commands>): Decider<State, Events, Commands> => d;

/** The state after these events. */
export const stateOf = <S, E extends Catalogue>(
  d: Pick<Decider<S, E, any>, 'initial' | 'evolve'>, events: readonly Pick<StoredEventOf<E>, 'type' | 'data' | 'revision' | 'metadata'>[], from: S = d.initial,
): S => {
  let state = from;
  for (const e of events) {
    const evolve = d.evolve[e.type as keyof E] as ((s: S, data: unknown, e: unknown) => S) | undefined;
    if (evolve) state = evolve(state, e.data, e);
  }
  return state;
};
