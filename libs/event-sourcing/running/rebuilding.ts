import { LRUCache } from 'lru-cache';
import { stateOf, type AnyDecider } from '../decider.js';
import { NO_STREAM, type StoredEvent } from '../event.js';
import type { AnyProcess } from '../process.js';
import type { AnyProjection, Row } from '../projection.js';
import type { ReadModels, RowChange } from '../ports/read-models.js';
import type { Folding } from './bulk-folding.js';
import { DUE_WORK, isPoison, PARKED_DUE_WORK, rowOf } from './due-work.js';
import { categoryOf, type EventRegistry } from './event-registry.js';
import { collectionOf, parkedOf, type ParkedRow } from './projecting.js';
import type { Loaded, States } from './states.js';

/** Rows or states held in memory: more than wait to be written at once, several times over, so that one that is on its way is still here. */
const HELD = 20_000;

/** Forgets a view and what is parked of it, and folds it anew in bulk: row by row what its follower makes of the same events. */
export async function projectionAnew(p: AnyProjection, views: ReadModels, registry: EventRegistry, held = HELD): Promise<Folding> {
  const collection = collectionOf(p), parkedRows = parkedOf(p);
  // one after the other: calls that are under way at once have no order among each other
  await Promise.all([views.drop(collection), views.drop(parkedRows)]);
  await Promise.all([views.define({ name: collection, indexes: p.indexes as Record<string, string[]> }), views.define({ name: parkedRows, indexes: {} })]);
  const waiting = new Map<string, RowChange>();
  const parked = new Set<string>();
  // until one had to make room, a row that is not here is nowhere
  let allHere = true;
  const rows = new LRUCache<string, RowChange>({ max: held, dispose: (_row, _id, why) => { if (why === 'evict') allHere = false; } });

  const bring = async (ids: Iterable<string>): Promise<void> => {
    const missing = [...new Set(ids)].filter((id) => !waiting.has(id) && !rows.has(id));
    if (missing.length > 0) for (const [id, row] of await views.getMany(collection, missing)) rows.set(id, row);
  };
  const park = async (id: string, { position }: StoredEvent, error: unknown): Promise<void> => {
    parked.add(id);
    await views.apply(parkedRows, [{ id, position, row: { position, reason: error instanceof Error ? error.message : String(error) } satisfies ParkedRow }], null);
  };

  return {
    collection,
    prefixes: p.follows.map((category) => `${category}-`),
    waiting: () => waiting.size,
    take: () => taken(waiting, (row) => rows.set(row.id, row)),
    async fold(stored) {
      const events = await registry.folded(stored);
      const touched = events.map((e) => p.keys(e as never));
      if (!allHere) await bring(touched.flat());
      for (let i = 0; i < events.length; i++) {
        const event = events[i]!;
        for (const id of touched[i]!) {
          if (parked.has(id)) continue;
          const before = waiting.get(id) ?? rows.get(id);
          if (before && event.position <= before.position) continue;
          try { waiting.set(id, { id, position: event.position, row: p.fold((before?.row ?? null) as never, event as never, id) as Row | null }); }
          catch (error) { await park(id, event, error); }
        }
      }
    },
  };
}

/** Forgets what is still to do, and works it out anew from the log. Offers nothing to the scheduler, and tells no lane of failures long past. */
export async function dueWorkAnew(processes: readonly AnyProcess[], views: ReadModels, states: States, registry: EventRegistry, most = HELD): Promise<Folding> {
  await Promise.all([views.drop(DUE_WORK.name), views.drop(PARKED_DUE_WORK.name)]);
  await Promise.all([views.define(DUE_WORK), views.define(PARKED_DUE_WORK)]);
  const parked = new Set<string>();
  const byCategory = new Map(processes.map((p) => [(p.of as AnyDecider).stream, p]));
  const waiting = new Map<string, RowChange>();
  const written = new Set<string>();
  const held = new LRUCache<string, Pick<Loaded, 'state' | 'revision'>>({ max: most });

  const after = async (d: AnyDecider, event: StoredEvent): Promise<Pick<Loaded, 'state' | 'revision'>> => {
    const before = held.get(event.stream) ?? (event.revision === 0 ? { state: d.initial as unknown, revision: NO_STREAM } : null);
    if (before && before.revision >= event.revision) return before;
    // made room for others meanwhile: read as it is now, which is ahead of this event and so decides for all that follow
    if (before?.revision !== event.revision - 1) return states.read(d, event.stream);
    return { state: stateOf(d, [event] as never, before.state as never), revision: event.revision };
  };

  const park = async (stream: string, position: string, error: unknown): Promise<void> => {
    if (!isPoison(error)) throw error;
    parked.add(stream);
    waiting.delete(stream);
    await views.apply(PARKED_DUE_WORK.name, [{ id: stream, position, row: { position, reason: error instanceof Error ? error.message : String(error) } satisfies ParkedRow }], null);
  };

  return {
    collection: DUE_WORK.name,
    prefixes: [...byCategory.keys()].map((category) => `${category}-`),
    waiting: () => waiting.size,
    take: () => taken(waiting, (row) => { if (row.row) written.add(row.id); else written.delete(row.id); }),
    async fold(stored) {
      const touched = new Map<string, StoredEvent>();
      for (const e of stored) {
        const event = registry.known(e);
        const process = byCategory.get(categoryOf(event.stream));
        if (!process || parked.has(event.stream)) continue;
        try { held.set(event.stream, await after(process.of as AnyDecider, event)); }
        catch (error) { await park(event.stream, event.position, error); continue; }
        touched.set(event.stream, event);
      }
      for (const [stream, { position }] of touched) {
        if (parked.has(stream)) continue;
        const at = stream.indexOf('-');
        const process = byCategory.get(stream.slice(0, at))!;
        try {
          const due = process.next(held.get(stream)!.state as never, stream.slice(at + 1));
          if (due || written.has(stream)) waiting.set(stream, { id: stream, position, row: due && rowOf(due) });
          else waiting.delete(stream);
        } catch (error) { await park(stream, position, error); }
      }
    },
  };
}

function taken(waiting: Map<string, RowChange>, each: (row: RowChange) => void): RowChange[] {
  const rows = [...waiting.values()];
  for (const row of rows) each(row);
  waiting.clear();
  return rows;
}
