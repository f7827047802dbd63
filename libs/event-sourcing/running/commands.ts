import { hash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Inject, type Provider, type Type } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { AnyDecider, CommandClass, CommandContext, StreamCommand } from '../decider.js';
import { Refusal, Unavailable, VersionConflict } from '../errors.js';
import { NO_STREAM, type NewEvent, type Position, type StoredEvent } from '../event.js';
import type { Appended, EventStore } from '../ports/event-store.js';
import type { Sealer } from '../sealing/sealer.js';
import type { Period } from '../sealed.js';
import type { Clock } from './clock.js';
import { markOf } from './resuming.js';
import { SNAPSHOT_EVERY, type Loaded, type States } from './states.js';

/** What came of a command. `events` is empty where there was nothing to do; `position` is then null. */
export interface Executed<State = unknown> {
  position: Position | null;
  revision: number;
  state: State;
  events: { type: string; data: unknown }[];
}

/** Told of each append of this process, before its caller is. */
export type AppendListener = (stream: string, principal: string, position: Position) => void;

const TRIES = 8;

/** Runs deciders: load, decide, seal, evolve, tag, append; a lost race is decided again, here and nowhere else. */
export class Commands {
  readonly #listeners: AppendListener[] = [];
  /** streams of which an append was not answered: it may stand there, as it was decided then */
  readonly #unanswered = new LRUCache<string, true>({ max: 20_000 });
  constructor(private readonly store: EventStore, private readonly states: States, private readonly sealer: Sealer, private readonly clock: Clock) {}

  onAppend(listener: AppendListener): void { this.#listeners.push(listener); }

  /** @throws Refusal (the decider's no) · Unavailable · VersionConflict after several lost races */
  async execute<State>(d: AnyDecider, command: StreamCommand): Promise<Executed<State>> {
    const stream = `${d.stream}-${command.id}`;
    // what is remembered may be behind: a yes meets a conflict at its append, a no or a nothing is decided again on what is stored
    let remembered = command.context.creates ? { state: d.initial, revision: NO_STREAM, snapshot: NO_STREAM } : this.states.peek(stream);
    let loaded: Loaded = remembered ?? await this.states.read(d, stream);
    for (let tries = 1; ; tries++) {
      try {
        const done = await this.#attempt<State>(d, command, stream, loaded);
        if (done.events.length > 0 || !remembered) return done;
      } catch (error) {
        if (!(error instanceof VersionConflict || (remembered && error instanceof Refusal)) || tries === TRIES) throw error;
        this.states.forget(stream);
      }
      remembered = undefined;
      loaded = await this.states.read(d, stream);
    }
  }

  async #attempt<State>(d: AnyDecider, command: StreamCommand, stream: string, loaded: Loaded): Promise<Executed<State>> {
    const at = this.clock.now().toISOString();
    const decide = (d.decide as Record<string, (s: unknown, data: unknown, now: string, id: string) => { type: string; data: unknown }[]>)[command.constructor.name]!;
    const decided = decide(loaded.state, command.data, at, command.id);
    if (decided.length === 0) return { position: null, revision: loaded.revision, state: loaded.state as State, events: [] };
    const { events, state } = await this.#prepare(d, stream, loaded, decided, command.context, at);
    const { position, revision } = await this.#append(stream, loaded.revision, events);
    if (this.#unanswered.delete(stream)) return await this.#asStored<State>(d, stream, command, loaded.revision, { position, revision });
    const now: Loaded = { state, revision, snapshot: loaded.snapshot };
    this.states.keep(stream, now);
    for (const listen of this.#listeners) listen(stream, command.context.principal, position);
    if (revision - now.snapshot >= SNAPSHOT_EVERY) await this.states.snapshotIfDue(d, stream, now, markOf({ ...events.at(-1)!, stream, revision, position }));
    return { position, revision, state: state as State, events };
  }

  async #append(stream: string, expected: number, events: readonly NewEvent[]): Promise<Appended> {
    try { return await this.store.append(stream, expected, events); }
    catch (error) {
      if (error instanceof Unavailable) this.#unanswered.set(stream, true);
      throw error;
    }
  }

  /** The answer to what may have been appended at an earlier try, and decided at another time, is read from the log. */
  async #asStored<State>(d: AnyDecider, stream: string, command: StreamCommand, before: number, { position, revision }: Appended): Promise<Executed<State>> {
    this.states.forget(stream);
    const [stored, now] = [await this.store.read(stream, before + 1, revision - before), await this.states.read(d, stream)];
    for (const listen of this.#listeners) listen(stream, command.context.principal, position);
    return { position, revision: now.revision, state: now.state as State, events: stored.map(({ type, data }) => ({ type, data })) };
  }

  /** Creates many streams in one flush; a stream that is already there stays as it is (what made it once makes it again). */
  async createMany(d: AnyDecider, commands: readonly StreamCommand[]): Promise<void> {
    const at = this.clock.now().toISOString();
    const fresh: Loaded = { state: d.initial, revision: NO_STREAM, snapshot: NO_STREAM };
    const entries = await Promise.all(commands.map(async (c) => {
      const stream = `${d.stream}-${c.id}`;
      const decided = (d.decide as Record<string, (s: unknown, data: unknown, now: string, id: string) => { type: string; data: unknown }[]>)[c.constructor.name]!(d.initial, c.data, at, c.id);
      return { stream, expected: NO_STREAM, ...(await this.#prepare(d, stream, fresh, decided, c.context, at)) };
    }));
    const head = await this.store.head();
    const results = await this.store.appendMany(entries);
    for (let i = 0; i < results.length; i++) {
      const r = results[i]!, { stream, state } = entries[i]!;
      if (r instanceof VersionConflict) continue;
      if (r instanceof Error) throw r;
      if (head !== null && r.position <= head) continue; // made by an earlier try: the log says how
      this.states.keep(stream, { state, revision: r.revision, snapshot: NO_STREAM });
    }
  }

  async #prepare(d: AnyDecider, stream: string, loaded: Loaded, decided: { type: string; data: unknown }[], context: CommandContext, at: string): Promise<{ events: NewEvent[]; state: unknown }> {
    const periods: Period[] = decided.map((e) => d.period(loaded.state as never, e as never));
    const sealed = await this.sealer.seal(d, stream, loaded.revision + 1, decided, periods, loaded.state);
    const { principal, correlationId, causationId, traceparent, exclusive } = context;
    const metadata = { correlationId, causationId, principal, ...(traceparent ? { traceparent } : {}), at };
    let state = loaded.state;
    const events = decided.map(({ type }, i): NewEvent => {
      const revision = loaded.revision + 1 + i;
      const evolve = d.evolve[type] as ((s: unknown, data: unknown, e: Pick<StoredEvent, 'revision' | 'metadata'>) => unknown) | undefined;
      if (!evolve) throw new Error(`${d.stream} decides ${type} but does not evolve it`);
      state = evolve(state, sealed[i], { revision, metadata });
      return {
        id: exclusive ? randomUUID() : derivedId(`${principal}|${causationId}|${stream}|${revision}|${type}`),
        type, version: d.versions?.[type] ?? 1, data: sealed[i], tags: d.tags(state as never), metadata,
      };
    });
    return { events, state };
  }
}

/** A UUID (version 8, RFC 9562) that is the same whenever it is derived from the same text. */
export function derivedId(text: string): string {
  const h = hash('sha256', text, 'hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-8${h.slice(13, 16)}-${((parseInt(h[16]!, 16) & 3) | 8).toString(16)}${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

/** One Nest command handler per command of a decider: the CommandBus is the one way in. */
export const handlersOf = (d: AnyDecider): Provider[] =>
  Object.values(d.commands as Record<string, CommandClass>).map((command) => {
    class Handler {
      constructor(readonly commands: Commands) {}
      execute(c: StreamCommand): Promise<Executed> { return this.commands.execute(d, c); }
    }
    Object.defineProperty(Handler, 'name', { value: `${command.name}Handler` });
    Inject(Commands)(Handler, undefined, 0);
    CommandHandler(command)(Handler);
    return Handler as Type;
  });
