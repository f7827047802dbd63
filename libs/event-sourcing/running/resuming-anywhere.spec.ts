import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Damaged } from '../errors.js';
import type { StoredEvent } from '../event.js';
import { projection, type AnyProjection } from '../projection.js';
import type { EventStore } from '../ports/event-store.js';
import type { Mark, ReadModels, RowChange } from '../ports/read-models.js';
import { projected } from '../testing/given.js';
import type { EventRegistry } from './event-registry.js';
import { projecting } from './projecting.js';

const position = (n: number): string => String(n).padStart(16, '0');
/** All that a stream has seen, event by event. */
const seen = projection<{ Seen: { what: string } }, { what: string[] }>({
  name: 'seen', version: 1, follows: ['parcel'], indexes: {}, keys: (e) => [e.stream], fold: (row, e) => ({ what: [...(row?.what ?? []), e.data.what] }),
}) as AnyProjection;

/** A log in memory. Ids are derived from the place in the stream, as those of repeated requests are. */
class Log {
  constructor(readonly events: StoredEvent[] = []) {}
  grown(streams: readonly string[], era: string): Log {
    const events = [...this.events];
    for (const stream of streams) {
      const revision = events.filter((e) => e.stream === stream).length;
      const metadata = { correlationId: 'c', causationId: 'c', principal: 'p', at: `${era} ${events.length}` };
      events.push({ id: `${stream}.${revision}`, type: 'Seen', version: 1, data: { what: `${era} ${stream} ${revision}` }, tags: { owner: 'o' }, metadata, stream, revision, position: position(events.length + 1) });
    }
    return new Log(events);
  }
  cut(length: number): Log { return new Log(this.events.slice(0, length)); }
  get store(): EventStore {
    const { events } = this;
    return {
      head: async () => events.at(-1)?.position ?? null,
      read: async (stream: string, from: number, limit: number) => events.filter((e) => e.stream === stream && e.revision >= from).slice(0, limit),
      readAll: async (after: string | null, _: string[], limit: number) => ({ events: events.filter((e) => e.position > (after ?? '')).slice(0, limit), position: '' }),
    } as unknown as EventStore;
  }
}

/** Rows, checkpoint and mark in memory, under the rules of the port. */
class Views {
  readonly rows = new Map<string, RowChange>();
  at: string | null = null;
  marked: Mark | null = null;
  get port(): ReadModels {
    return {
      define: async () => {}, find: async () => [], checkpoint: async () => this.at, mark: async () => this.marked,
      getMany: async (_: string, ids: string[]) => new Map(ids.flatMap((id) => (this.rows.has(id) ? [[id, this.rows.get(id)!]] : []))),
      apply: async (_: string, rows: RowChange[], checkpoint: string, mark?: Mark) => {
        for (const r of rows) if ((this.rows.get(r.id)?.position ?? '') < r.position) this.rows.set(r.id, r);
        if (checkpoint > (this.at ?? '')) this.at = checkpoint;
        if (mark && mark.position > (this.marked?.position ?? '')) this.marked = mark;
      },
    } as unknown as ReadModels;
  }
}

/** As a follower is run: stretches of these lengths, one without an event for it as a word from the log; the last one to the end, or not. */
async function follow(log: Log, views: Views, stretches: readonly number[], toTheEnd: boolean): Promise<void> {
  const follower = projecting(seen, log.store, views.port, { folded: async (e: StoredEvent[]) => e } as unknown as EventRegistry);
  let before = await follower.start();
  let at = Number(before ?? 0);
  for (const length of toTheEnd ? [...stretches, log.events.length] : stretches) {
    const stretch = log.events.slice(at, at + length);
    if (stretch.length === 0) return;
    at += stretch.length;
    const events = stretch.filter((e) => e.stream.startsWith('parcel-'));
    if (events.length > 0) await follower.handle({ events, position: position(at) }); else await follower.idle!(position(at), before);
    before = position(at);
  }
}

const streams = fc.array(fc.constantFrom('parcel-a', 'parcel-b', 'letter-a', 'letter-b'), { maxLength: 30 });
const stretches = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 12 });

it('a log that was followed in whatever stretches, cut anywhere and grown by whatever: a view stands still, or its rows are the fold of the log', () => fc.assert(fc.asyncProperty(
  streams, stretches, fc.boolean(), fc.nat(30), streams, stretches,
  async (first, seenIn, toTheEnd, cutAt, second, then) => {
    const old = new Log().grown(first, 'first');
    const views = new Views();
    await follow(old, views, seenIn, toTheEnd);
    const { at: checkpoint, marked } = views;
    const whole = old.cut(cutAt).grown(second, 'second');
    try { await follow(whole, views, then, true); } catch (error) {
      expect(error).toBeInstanceOf(Damaged);
      // and never without a reason: something that it has seen is lost, or the log ends too soon
      expect(Math.min(cutAt, first.length) < Number(marked!.position) || whole.events.length < Number(checkpoint)).toBe(true);
      return;
    }
    expect(new Map([...views.rows].map(([id, { row }]) => [id, row]))).toEqual(projected(seen as never, whole.events.filter((e) => e.stream.startsWith('parcel-'))));
  },
), { numRuns: 400 }));
