import type { AnyDecider } from '../decider.js';
import type { AnyProcess, Due } from '../process.js';
import type { StoredEvent } from '../event.js';
import type { Batch, EventStore } from '../ports/event-store.js';
import type { Mark, ReadModels, RowChange } from '../ports/read-models.js';
import { Damaged, Unavailable, UnknownEvent } from '../errors.js';
import type { Clock } from './clock.js';
import type { EventRegistry } from './event-registry.js';
import type { Follower } from './following.js';
import type { ParkedRow } from './projecting.js';
import { lastMark, resume } from './resuming.js';
import type { Scheduler } from './scheduler.js';
import type { States } from './states.js';

export const DUE_WORK = { name: 'due_work@1', indexes: { byDue: ['dueAt'] } } as const;
/** The streams of which nobody can tell what is to be done, because their fold failed; dropped with the due work. */
export const PARKED_DUE_WORK = { name: `${DUE_WORK.name}/parked`, indexes: {} } as const;
type DueRow = { topic: string; lane: string; job: string; dueAt: string; until: string | null; holds: string | null };

const FLUSH_EVERY_MS = 1_000;
const FLUSH_AT = 2_000;
/** Rows that may wait while the views cannot be written. */
const DIRTY_MOST = 20_000;
const PAGE = 1_000;

export interface DueWork extends Follower {
  /** Writes the rows that trail behind. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** streams whose fold failed: nothing of theirs is done until a rebuild */
  parked(): number;
}

/** The event's and its stream's own fault; what is another's stops or delays the follower. */
export const isPoison = (error: unknown): boolean => !(error instanceof Unavailable || error instanceof Damaged || error instanceof UnknownEvent);

/**
 * Folds the log into "what is still to do". Jobs go to the scheduler in memory at once; rows trail behind, so that what
 * begins and ends between two flushes is never written. After a crash the events since the checkpoint are folded again.
 */
export function dueWork(processes: readonly AnyProcess[], store: EventStore, views: ReadModels, states: States, registry: EventRegistry, scheduler: Scheduler, clock: Clock): DueWork {
  const byCategory = new Map<string, AnyProcess>(processes.map((p) => [(p.of as AnyDecider).stream, p]));
  const dirty = new Map<string, { position: string; due: Due | null }>();
  const written = new Set<string>();
  const parked = new Set<string>();
  let seen: string | null = null;
  let mark: Mark | undefined;
  /** somebody wiped the views: what is written anew must be all that is due, not what was touched since */
  let wiped = false;
  /** the checkpoint that was read or written last */
  let noted: string | null = null;
  /** the head at the start: what happened up to there says nothing of a gateway's health now */
  let before = '';
  /** the same where another led before: rows of what happened up to there may still come from it, later than this one looked for them */
  let rivalled = '';
  let flushing: Promise<void> = Promise.resolve();
  let timer: (() => void) | null = null;

  const categoryOf = (stream: string): string => stream.slice(0, stream.indexOf('-'));

  async function write(): Promise<void> {
    timer = null;
    if (seen === null) return;
    const rows: RowChange[] = [];
    for (const [stream, { position, due }] of dirty) {
      if (!due && !written.has(stream)) continue;
      const row = due && rowOf(due);
      rows.push({ id: stream, position, row });
      if (row) written.add(stream); // even if the answer is lost: what may be there must be taken away again
    }
    dirty.clear();
    const checkpoint = seen;
    try {
      await views.apply(DUE_WORK.name, rows, checkpoint, mark);
      noted = checkpoint;
      for (const r of rows) if (!r.row) written.delete(r.id);
    } catch {
      // a later flush carries the newest due thing of each stream; the old checkpoint stays until then
      for (const r of rows) if (!dirty.has(r.id)) dirty.set(r.id, { position: r.position, due: r.row ? dueOf(r.row as DueRow) : null });
      if (noted !== null) wiped = (await views.checkpoint(DUE_WORK.name).catch(() => noted)) === null;
    }
  }
  const flush = (): Promise<void> => (flushing = flushing.then(write));

  /** One stream that cannot be folded must not hold up all others: it is put aside, and said so. */
  const park = async (stream: string, position: string, error: unknown): Promise<void> => {
    if (!isPoison(error)) throw error;
    await views.apply(PARKED_DUE_WORK.name, [{ id: stream, position, row: { position, reason: error instanceof Error ? error.message : String(error) } satisfies ParkedRow }], null);
    parked.add(stream);
    scheduler.offer(stream, null);
    dirty.set(stream, { position, due: null });
  };

  /** What is due for a stream by its own word. Where that is nothing, a row that says otherwise (of a leader who wrote late) goes. */
  const ask = async (stream: string): Promise<Due | null> => {
    const process = byCategory.get(categoryOf(stream));
    const due = process ? process.next((await states.read(process.of, stream)).state as never, stream.slice(stream.indexOf('-') + 1)) : null;
    const last = due ? null : await store.last(stream);
    if (last && !dirty.has(stream)) {
      written.add(stream);
      dirty.set(stream, { position: last.position, due: null });
      timer ??= clock.after(FLUSH_EVERY_MS, () => { void flush(); });
    }
    return due;
  };

  return {
    name: 'due-work',
    prefixes: [...byCategory.keys()].map((c) => `${c}-`),
    flush,
    parked: () => parked.size,
    close: async () => { timer?.(); await flush(); },
    async start() {
      await Promise.all([views.define(DUE_WORK), views.define(PARKED_DUE_WORK)]);
      parked.clear();
      for (let last: string[] | undefined; ;) {
        const page = await views.find(PARKED_DUE_WORK.name, { where: {}, sort: { by: ['id'] }, ...(last ? { after: last } : {}), limit: PAGE });
        for (const { id } of page) parked.add(id);
        if (page.length < PAGE) break;
        last = [page.at(-1)!.id];
      }
      const from = await resume('due-work', DUE_WORK.name, views, store);
      let after: string[] | undefined;
      for (;;) {
        const rows = await views.find<DueRow>(DUE_WORK.name, { where: {}, sort: { by: ['dueAt', 'id'] }, ...(after ? { after } : {}), limit: PAGE });
        for (const { id, row } of rows) { written.add(id); scheduler.offer(id, dueOf(row)); }
        if (rows.length < PAGE) break;
        const last = rows.at(-1)!;
        after = [last.row.dueAt, last.id];
      }
      seen = noted = from;
      mark = undefined;
      wiped = false;
      before = (await store.head()) ?? '';
      rivalled = from === null ? '' : before;
      scheduler.asks = ask;
      scheduler.open();
      return from;
    },
    async handle(batch: Batch) {
      const touched = new Map<string, StoredEvent[]>();
      for (const stored of batch.events) {
        const event = registry.known(stored);
        const process = byCategory.get(categoryOf(event.stream));
        if (!process || parked.has(event.stream)) continue;
        try {
          const health = process.health?.(event);
          if (health && event.position > before) scheduler.health(health.lane, health.good);
        } catch (error) { await park(event.stream, event.position, error); continue; }
        const events = touched.get(event.stream);
        if (events) events.push(stored); else touched.set(event.stream, [stored]);
      }
      for (const [stream, events] of touched) {
        const { revision, position } = events.at(-1)!;
        const process = byCategory.get(categoryOf(stream))!;
        if (parked.has(stream)) continue;
        try {
          // what happened before the start is long over for most: what is still to do is said by the stream as it is now
          let loaded = position > before ? states.advance(process.of, stream, events) : states.peek(stream);
          if (!loaded || loaded.revision < revision) loaded = await states.read(process.of, stream);
          const due = process.next(loaded.state as never, stream.slice(stream.indexOf('-') + 1));
          scheduler.offer(stream, due);
          if (events[0]!.position <= rivalled) written.add(stream);
          dirty.set(stream, { position, due });
        } catch (error) { await park(stream, position, error); }
      }
      seen = batch.position;
      mark = lastMark(batch.events) ?? mark;
      if (dirty.size >= FLUSH_AT) await flush();
      if (wiped || dirty.size >= DIRTY_MOST) throw new Unavailable('the views'); // and begin again from the checkpoint once they can be written
      else timer ??= clock.after(FLUSH_EVERY_MS, () => { void flush(); });
    },
  };
}

export const rowOf = (due: Due): DueRow => ({ topic: due.topic, lane: due.lane, job: due.id, dueAt: due.dueAt, until: due.until ?? null, holds: due.holds ?? null });
const dueOf = (row: DueRow): Due => ({ topic: row.topic, lane: row.lane, id: row.job, dueAt: row.dueAt, ...(row.until ? { until: row.until } : {}), ...(row.holds ? { holds: row.holds } : {}) });
