import { Damaged } from '../errors.js';
import type { Position, StoredEvent } from '../event.js';
import type { EventStore } from '../ports/event-store.js';
import type { Mark, ReadModels } from '../ports/read-models.js';

/** The moment is part of it: ids may be derived, and come again where a request is repeated to a log that lost it. */
export const markOf = ({ position, stream, revision, id, metadata: { at } }: StoredEvent): Mark => ({ position, stream, revision, id, at });
/** Of the last of these events, if there is one. */
export const lastMark = (events: readonly StoredEvent[]): Mark | undefined => (events.length > 0 ? markOf(events.at(-1)!) : undefined);

/** True when what stands at the mark's place is the event that was seen there. */
export const isMarked = (mark: Mark, event: StoredEvent | undefined): boolean =>
  event !== undefined && event.position === mark.position && event.id === mark.id && event.metadata.at === mark.at;

/** The first event of any stream after a position, as a mark; undefined where none can be read: what lies there is another's. */
export async function markAfter(store: EventStore, position: Position | null): Promise<Mark | undefined> {
  try {
    return lastMark((await store.readAll(position, [], 1)).events);
  } catch (error) {
    if (error instanceof Damaged) return undefined;
    throw error;
  }
}

/**
 * Where whoever folds the log into a collection goes on; null: at the first event. That is its mark: what a log that was
 * cut behind it has got there since is new to it. (What was written without a mark goes on at its checkpoint.)
 * @param name what `projections rebuild` calls it
 * @throws Damaged, with the command that mends it, where the log ends before the checkpoint, or the marked event is not in it · Unavailable
 */
export async function resume(name: string, collection: string, views: ReadModels, store: EventStore): Promise<Position | null> {
  const [checkpoint, mark] = await Promise.all([views.checkpoint(collection), views.mark(collection)]);
  if (checkpoint === null) return null;
  const refused = (what: string): Damaged => new Damaged(`the checkpoint of ${name} ${what} (a restored backup?): run \`npx heliograph projections rebuild ${name}\``);
  const head = await store.head();
  if (head === null || checkpoint > head) throw refused('lies ahead of the log');
  if (mark === null) return checkpoint;
  const [event] = await store.read(mark.stream, mark.revision, 1);
  if (!isMarked(mark, event)) throw refused(`is of another log: event ${mark.revision} of ${mark.stream}, which it has seen at ${mark.position}, is not there`);
  return mark.position;
}
