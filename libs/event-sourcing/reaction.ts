import type { AnyDecider, CommandClass } from './decider.js';
import type { Catalogue, StoredEventOf } from './event.js';

/** A command on another stream, without its context: who asks (`system:{reaction}`) and what caused it are the runner's to say. */
export interface Reacted {
  of: AnyDecider;
  command: CommandClass;
  /** the stream's id; what is made new is named after the event (`{prefix}_{event.id}`), so that twice is once */
  id: string;
  data: object;
  /** nothing is read before the append of a stream that does not exist yet */
  creates?: boolean;
}

/**
 * What follows from an event on other streams. Pure but for asking its views, which is why it may be a promise.
 * - An event may come more than once (a crash between the commands and the position). What is made new has an id
 *   derived from the event's; a command on a stream that is already there must be decided into nothing the second time.
 * - `views` is a small interface that the reaction declares and the app binds a reader to; it is asked only once the
 *   views named in `asks` have seen the event.
 * - A `Refusal` of one of its commands is an answer, not a fault: it is counted, and the rest go on.
 */
export interface Reaction<Events extends Catalogue, Views = null> {
  /** its position stands in the stream `reaction-{name}`: never renamed */
  name: string;
  /** stream categories it follows */
  follows: string[];
  /** names of the projections behind `views` */
  asks?: string[];
  react(event: StoredEventOf<Events>, views: Views): readonly Reacted[] | Promise<readonly Reacted[]>;
}
export type AnyReaction = Reaction<object, unknown>;
export const reaction = <Events extends Catalogue, Views = null>(r: Reaction<Events, Views>): Reaction<Events, Views> => r;

/** A reaction with what answers its questions, as an app binds it. */
export interface BoundReaction { reaction: AnyReaction; views: unknown }
export const bound = <Events extends Catalogue, Views>(of: Reaction<Events, Views>, views: Views): BoundReaction => ({ reaction: of, views });
