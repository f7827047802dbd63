import type { Position, StoredEvent } from '../event.js';
import type { EventStore } from '../ports/event-store.js';
import type { Mark, ReadModels, RowChange } from '../ports/read-models.js';
import { lastMark } from './resuming.js';

const READ = 5_000;
const WRITE_AT = 5_000;

/** Rows of one collection, folded in memory until they are taken to be written. */
export interface Folding {
  collection: string;
  prefixes: readonly string[];
  fold(events: readonly StoredEvent[]): Promise<void>;
  /** how many rows wait to be written */
  waiting(): number;
  take(): RowChange[];
}

export interface FoldingRange {
  /** the last position that is dealt with, from the log's first event on; null: an empty log */
  to: Position | null;
  signal: AbortSignal;
  /** events folded so far, and how far the log was seen */
  progress(events: number, at: Position): void;
}

/**
 * Folds the log in bulk: the next page is read and the last rows are written while this page is folded. The
 * checkpoint goes with the rows, so that whatever ends this half-way, a follower takes it up from there. Sends nothing, schedules nothing.
 */
export async function foldInBulk(folding: Folding, store: EventStore, views: ReadModels, { to, signal, progress }: FoldingRange): Promise<number> {
  if (to === null) return 0;
  let at: Position | null = null, mark: Mark | undefined, events = 0;
  let writing: Promise<void> = Promise.resolve();
  const read = (after: Position | null): ReturnType<EventStore['readAll']> => {
    const page = store.readAll(after, folding.prefixes, READ);
    // whoever awaits it hears of its failure; a page that is no longer wanted must not bring the process down
    page.catch(() => undefined);
    return page;
  };
  const write = async (checkpoint: Position): Promise<void> => {
    await writing;
    const rows = folding.take();
    writing = views.apply(folding.collection, rows, checkpoint, mark);
    writing.catch(() => undefined);
  };
  try {
    for (let next = read(at); ;) {
      signal.throwIfAborted();
      const page = await next;
      const whole = page.position < to;
      if (whole) next = read(page.position);
      const wanted = page.position <= to ? page.events : page.events.filter((e) => e.position <= to);
      await folding.fold(wanted);
      events += wanted.length;
      mark = lastMark(wanted) ?? mark;
      at = whole ? page.position : to;
      progress(events, at);
      if (!whole || folding.waiting() >= WRITE_AT) await write(at);
      if (!whole) break;
    }
    await writing;
    return events;
  } finally {
    // nothing of it is under way any more when its follower starts again
    await writing.catch(() => undefined);
  }
}
