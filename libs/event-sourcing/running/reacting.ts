import { Refusal, Unavailable, VersionConflict } from '../errors.js';
import { NO_STREAM, type NewEvent, type Position, type StoredEvent } from '../event.js';
import type { Batch, EventStore } from '../ports/event-store.js';
import type { BoundReaction, Reacted } from '../reaction.js';
import type { Clock } from './clock.js';
import { derivedId, type Commands } from './commands.js';
import type { EventRegistry } from './event-registry.js';
import type { Follower } from './following.js';

/** How far a reaction is, in its own stream of the log. On disk for ever: `null` is the start of an empty log. */
export const REACTION_REACHED = 'ReactionReached';
export interface ReactionReached { position: Position | null }

/** Without acting, the position is written this often. */
const EVERY_EVENTS = 10_000;

export interface Reacting extends Follower {
  /** commands given since start, and how many of them were refused */
  given(): { commands: number; refused: number };
}

/** What a reaction is run with; `seen` resolves once a view has seen a position, and rejects when the process ends. */
export interface ReactingParts {
  store: EventStore; commands: Commands; registry: EventRegistry; clock: Clock;
  seen(view: string, position: Position): Promise<void>;
}

/**
 * A reaction as a follower. Its position is kept in the log, at the expected revision, so that no loss of views makes it
 * act again; what is done twice after a crash has the same ids. Two of the same at once do everything once.
 */
export function reacting({ reaction, views }: BoundReaction, { store, commands, registry, clock, seen }: ReactingParts): Reacting {
  const stream = `reaction-${reaction.name}`;
  const principal = `system:${reaction.name}`;
  const given = { commands: 0, refused: 0 };
  let revision = NO_STREAM;
  let reached: Position | null = null;
  let sinceReached = 0;

  const event = (data: ReactionReached, at: number): NewEvent<string, ReactionReached> => ({
    id: derivedId(`${stream}|${at}|${data.position}`), type: REACTION_REACHED, version: 1, data, tags: { owner: principal },
    metadata: { correlationId: stream, causationId: stream, principal, at: clock.now().toISOString() },
  });
  const adopt = (e: StoredEvent): void => { revision = e.revision; reached = (e.data as ReactionReached).position; };

  /** Writes the position down; where another runner of this reaction was first, the further of the two counts. */
  async function reach(position: Position | null): Promise<void> {
    while (revision === NO_STREAM || reached === null || (position !== null && position > reached)) {
      try {
        ({ revision } = await store.append(stream, revision, [event({ position }, revision + 1)]));
        reached = position;
        break;
      } catch (error) {
        const last = error instanceof VersionConflict ? await store.last(stream) : null;
        if (!last) throw error;
        adopt(last);
        if (position === null) break;
      }
    }
    sinceReached = 0;
  }

  async function give(made: Reacted, cause: StoredEvent): Promise<void> {
    const { correlationId, traceparent } = cause.metadata;
    const context = { principal, correlationId, causationId: cause.id, ...(traceparent ? { traceparent } : {}), ...(made.creates ? { creates: true } : {}) };
    given.commands++;
    try { await commands.execute(made.of, new made.command(made.id, made.data, context)); }
    catch (error) {
      if (error instanceof VersionConflict) throw new Unavailable(`${made.of.stream}-${made.id}`, 1000, { cause: error }); // a busy stream: again, later
      if (!(error instanceof Refusal)) throw error;
      given.refused++;
    }
  }

  return {
    name: reaction.name,
    prefixes: reaction.follows.map((category) => `${category}-`),
    given: () => ({ ...given }),
    async start() {
      const last = await store.last(stream);
      if (last) adopt(last); else await reach(await store.head());
      sinceReached = 0;
      return reached;
    },
    async handle(batch: Batch) {
      const events = batch.events.map((e) => registry.known(e));
      for (const view of reaction.asks ?? []) await seen(view, events.at(-1)!.position);
      const byStream = new Map<string, { made: Reacted; cause: StoredEvent }[]>();
      for (const cause of events) {
        for (const made of await reaction.react(cause as never, views)) {
          const name = `${made.of.stream}-${made.id}`;
          const there = byStream.get(name);
          if (there) there.push({ made, cause }); else byStream.set(name, [{ made, cause }]);
        }
      }
      // one stream's commands in order, all streams at once: their appends share a flush
      const done = await Promise.allSettled([...byStream.values()].map(async (list) => { for (const { made, cause } of list) await give(made, cause); }));
      const failed = done.find((d) => d.status === 'rejected');
      if (failed) throw failed.reason;
      sinceReached += events.length;
      if (byStream.size > 0 || sinceReached >= EVERY_EVENTS) await reach(batch.position);
    },
  };
}
