import { LRUCache } from 'lru-cache';
import type { StoredEvent } from '../event.js';
import type { AnyProjection, Row } from '../projection.js';
import type { Batch, EventStore } from '../ports/event-store.js';
import type { ReadModels, RowChange } from '../ports/read-models.js';
import { OutOfTime, within } from './budget.js';
import type { EventRegistry } from './event-registry.js';
import type { Follower } from './following.js';
import { lastMark, markAfter, resume } from './resuming.js';

export const collectionOf = (p: AnyProjection): string => `${p.name.replaceAll('-', '_')}@${p.version}`;
/** Where a view keeps which of its rows are stale, and why; dropped with the view. */
export const parkedOf = (p: AnyProjection): string => `${collectionOf(p)}/parked`;
export type ParkedRow = { position: string; reason: string };
const PAGE = 1_000;
/** Under load a view is so long (ms) behind, and folds several events of a row into one write. */
const GATHER_MS = 40;
/** So long (ms) may the folds of a batch take at a time: an endless loop holds this thread up twice as long. */
const FOLD_BUDGET_MS = 2_500;

/** A follower for which nothing comes marks every so manieth word from the log: from there on it looks again at the next start. */
const MARK_EVERY = 10;

/** One row of a batch: the events still to fold begin at `next`. */
interface Fold { id: string; events: StoredEvent[]; next: number; before: string; position: string; row: Row | null; slow: number; failed: Error | null }

export interface Projecting extends Follower {
  /** rows whose fold threw: stale until a rebuild */
  parked(): number;
}

/**
 * A projection as a follower. A batch is folded in memory, row by row, then written in one go with the checkpoint.
 * A fold that throws, or does not end, parks its row (position and reason are kept) and the rest go on.
 */
export function projecting(p: AnyProjection, store: EventStore, views: ReadModels, registry: EventRegistry, cacheRows = 10_000, budgetMs = FOLD_BUDGET_MS): Projecting {
  const collection = collectionOf(p);
  const cache = new LRUCache<string, RowChange>({ max: cacheRows });
  const parkedRows = parkedOf(p);
  const parked = new Set<string>();
  let idles = 0;

  const load = async (touched: ReadonlyMap<string, readonly StoredEvent[]>): Promise<Map<string, RowChange>> => {
    const rows = new Map<string, RowChange>();
    const missing: string[] = [];
    for (const [id, events] of touched) {
      const known = cache.get(id);
      // a row of one stream begins with its first event: there is nothing to read, and a write over a later row is refused
      if (known) rows.set(id, known); else if (!p.rowPerStream || events[0]!.revision !== 0) missing.push(id);
    }
    if (missing.length > 0) for (const [id, row] of await views.getMany(collection, missing)) rows.set(id, row);
    return rows;
  };

  const park = async (id: string, { position }: StoredEvent, { message }: Error): Promise<void> => {
    await views.apply(parkedRows, [{ id, position, row: { position, reason: message } satisfies ParkedRow }], null);
    parked.add(id); // once that is written: a parked row that nobody remembers would be folded on without this event
  };

  /** One row, from where it stands, event by event. */
  const fold = (f: Fold): void => {
    for (; f.next < f.events.length; f.next++) {
      const event = f.events[f.next]!;
      if (event.position <= f.position) continue;
      try { f.row = p.fold(f.row as never, event as never, f.id) as Row | null; f.position = event.position; }
      catch (error) { f.failed = error instanceof Error ? error : new Error(String(error)); return; }
    }
  };
  /** All rows under one budget. A fold that runs out of it twice has failed (once may be the machine's fault). */
  const run = (folds: readonly Fold[]): void => {
    for (let at = 0; at < folds.length;) {
      try { within(budgetMs, () => { for (; at < folds.length; at++) fold(folds[at]!); }); }
      catch (error) {
        if (!(error instanceof OutOfTime)) throw error;
        const f = folds[at]!;
        if (++f.slow === 2) { f.failed = error; at++; }
      }
    }
  };

  return {
    name: p.name,
    prefixes: p.follows.map((category) => `${category}-`),
    parked: () => parked.size,
    gatherMs: GATHER_MS,
    async start() {
      await views.define({ name: collection, indexes: p.indexes as Record<string, string[]> });
      await views.define({ name: parkedRows, indexes: {} });
      cache.clear();
      parked.clear();
      for (let after: string[] | undefined; ;) {
        const page = await views.find(parkedRows, { where: {}, sort: { by: ['id'] }, ...(after ? { after } : {}), limit: PAGE });
        for (const { id } of page) parked.add(id);
        if (page.length < PAGE) break;
        after = [page.at(-1)!.id];
      }
      idles = 0;
      return resume(p.name, collection, views, store);
    },
    async idle(position, before) {
      const mark = idles++ % MARK_EVERY === 0 ? await markAfter(store, before) : undefined;
      await views.apply(collection, [], position, mark);
    },
    async handle(batch: Batch) {
      const touched = new Map<string, StoredEvent[]>();
      for (const event of await registry.folded(batch.events)) {
        for (const id of p.keys(event as never)) {
          const events = touched.get(id);
          if (events) events.push(event); else touched.set(id, [event]);
        }
      }
      const rows = await load(touched);
      const folds = [...touched].filter(([id]) => !parked.has(id)).map(([id, events]): Fold => {
        const { position = '', row = null } = rows.get(id) ?? {};
        return { id, events, next: 0, before: position, position, row, slow: 0, failed: null };
      });
      run(folds);
      for (const f of folds) if (f.failed) await park(f.id, f.events[f.next]!, f.failed);
      const changes = folds.filter((f) => f.position !== f.before).map(({ id, position, row }): RowChange => ({ id, position, row }));
      for (const c of changes) cache.set(c.id, c);
      try { await views.apply(collection, changes, batch.position, lastMark(batch.events)); }
      catch (error) { for (const c of changes) cache.delete(c.id); throw error; }
    },
  };
}
