/** The event, as it is decided, appended and stored. What is written here is on disk for ever: a change is a new version. */

/** Indexable facts about the stream, after this event: who owns it, what it is part of, whose data it holds. */
export interface Tags {
  owner: string;
  /** the run, conversation or campaign it is part of */
  parent?: string;
  /** random ids of the people whose sealed data the event holds */
  subjects?: string[];
  /** when the stream's thing was accepted (UTC, ISO 8601): the day that retention counts from */
  acceptedAt?: string;
}

export interface Metadata {
  /** one id for everything that one request caused */
  correlationId: string;
  /** the event or request that caused this one */
  causationId: string;
  /** who asked: an owner, or `system:…` */
  principal: string;
  /** W3C trace context, where the request had one */
  traceparent?: string;
  /** when it was decided (UTC, ISO 8601) */
  at: string;
}

export interface NewEvent<Type extends string = string, Data = unknown> {
  id: string;
  type: Type;
  version: number;
  data: Data;
  tags: Tags;
  metadata: Metadata;
}

/** Byte order is log order; nothing else may be read out of it. */
export type Position = string;

export interface StoredEvent<Type extends string = string, Data = unknown> extends NewEvent<Type, Data> {
  stream: string;
  /** 0 for a stream's first event */
  revision: number;
  position: Position;
}

/** The expected revision of a stream that must not exist yet. */
export const NO_STREAM = -1;

/** `type → data`, as declared in a `.events.ts` file. */
export type Catalogue = object;
/** One decided event of a catalogue: a type and its data. */
export type EventOf<C extends Catalogue, View = unknown> = {
  [T in keyof C & string]: { type: T; data: View extends 'plain' ? import('./sealed.js').Plain<C[T]> : import('./sealed.js').Stored<C[T]> };
}[keyof C & string];
/** One stored event of a catalogue, as a projection sees it. */
export type FoldedEventOf<C extends Catalogue> = {
  [T in keyof C & string]: StoredEvent<T, import('./sealed.js').Folded<C[T]>>;
}[keyof C & string];
/** One stored event of a catalogue, as a decider sees it. */
export type StoredEventOf<C extends Catalogue> = {
  [T in keyof C & string]: StoredEvent<T, import('./sealed.js').Stored<C[T]>>;
}[keyof C & string];
