import { LRUCache } from 'lru-cache';
import { Damaged } from '../errors.js';
import type { StoredEvent } from '../event.js';
import type { AnyProjection, Row } from '../projection.js';
import type { Batch, EventStore } from '../ports/event-store.js';
import type { ReadModels, RowChange } from '../ports/read-models.js';
import type { EventRegistry } from './event-registry.js';
import type { Follower } from './following.js';

export const collectionOf = (p: AnyProjection): string => `${p.name.replaceAll('-', '_')}@${p.version}`;
/** Where a view keeps which of its rows are stale, and why; dropped with the view. */
export const parkedOf = (p: AnyProjection): string => `${collectionOf(p)}/parked`;
export type ParkedRow = { position: string; reason: string };
const PAGE = 1_000;
const FOLDED_AT_ONCE = 500;

export interface Projecting extends Follower {
  /** rows whose fold threw: stale until a rebuild */
  parked(): number;
}

/**
 * A projection as a follower. A batch is folded in memory, row by row, then written in one go with the checkpoint.
 * A fold that throws parks its row (position and reason are kept) and the rest go on.
 */
export function projecting(p: AnyProjection, store: EventStore, views: ReadModels, registry: EventRegistry, cacheRows = 10_000): Projecting {
  const collection = collectionOf(p);
  const cache = new LRUCache<string, RowChange>({ max: cacheRows });
  const parkedRows = parkedOf(p);
  const parked = new Set<string>();

  const load = async (ids: Iterable<string>): Promise<Map<string, RowChange>> => {
    const rows = new Map<string, RowChange>();
    const missing: string[] = [];
    for (const id of ids) {
      const known = cache.get(id);
      if (known) rows.set(id, known); else missing.push(id);
    }
    if (missing.length > 0) for (const [id, row] of await views.getMany(collection, missing)) rows.set(id, row);
    return rows;
  };

  const park = async (id: string, event: StoredEvent, error: unknown): Promise<void> => {
    parked.add(id);
    await views.apply(parkedRows, [{ id, position: event.position, row: { position: event.position, reason: error instanceof Error ? error.message : String(error) } satisfies ParkedRow }], null);
  };

  return {
    name: p.name,
    prefixes: p.follows.map((category) => `${category}-`),
    parked: () => parked.size,
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
      const [checkpoint, head] = await Promise.all([views.checkpoint(collection), store.head()]);
      if (checkpoint !== null && (head === null || checkpoint > head)) {
        throw new Damaged(`the checkpoint of ${p.name} lies ahead of the log (a restored backup?): run \`npx heliograph projections rebuild ${p.name}\``);
      }
      return checkpoint;
    },
    idle: (position) => views.apply(collection, [], position),
    async handle(batch: Batch) {
      const touched = new Map<string, StoredEvent[]>();
      for (const stored of batch.events) {
        const event = registry.known(stored);
        for (const id of p.keys(event as never)) {
          const events = touched.get(id);
          if (events) events.push(event); else touched.set(id, [event]);
        }
      }
      const rows = await load(touched.keys());
      const changes: RowChange[] = [];
      for (const [id, events] of touched) {
        if (parked.has(id)) continue;
        const before = rows.get(id);
        let row = before?.row ?? null;
        let position = before?.position ?? '';
        for (const event of events) {
          if (event.position <= position) continue;
          try { row = p.fold(row as never, event as never, id) as Row | null; position = event.position; }
          catch (error) { await park(id, event, error); break; }
        }
        if (position === (before?.position ?? '')) continue;
        const change = { id, position, row };
        changes.push(change);
        cache.set(id, change);
      }
      try { await views.apply(collection, changes, batch.position); }
      catch (error) { for (const c of changes) cache.delete(c.id); throw error; }
    },
  };
}

/**
 * Makes a view anew: forgets its rows and its parked ones, and folds the log up to its present head. Its follower must
 * not run meanwhile. Only reads the log; answers how many events were folded.
 * @throws UnknownEvent, Damaged
 */
export async function rebuild(p: AnyProjection, store: EventStore, views: ReadModels, registry: EventRegistry, signal?: AbortSignal): Promise<number> {
  await views.drop(collectionOf(p));
  await views.drop(parkedOf(p));
  const follower = projecting(p, store, views, registry);
  const head = await store.head();
  let at = await follower.start();
  let events = 0;
  while (head !== null && (at === null || at < head)) {
    signal?.throwIfAborted();
    const batch = await store.readAll(at, follower.prefixes, FOLDED_AT_ONCE);
    await follower.handle(batch);
    events += batch.events.length;
    at = batch.position;
  }
  return events;
}
