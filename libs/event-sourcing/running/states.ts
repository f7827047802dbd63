import { createHash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { stateOf, type AnyDecider } from '../decider.js';
import { NO_STREAM, type StoredEvent } from '../event.js';
import type { EventStore } from '../ports/event-store.js';
import type { Mark, ReadModels } from '../ports/read-models.js';
import type { EventRegistry } from './event-registry.js';
import { isMarked, lastMark } from './resuming.js';

export interface Loaded {
  state: unknown;
  /** NO_STREAM where there is no stream */
  revision: number;
  /** revision of the newest snapshot; what lies beyond is folded again at the next cold read */
  snapshot: number;
}

/** Nearly every stream ends within so many events; only a longer one is asked for its snapshot. */
const FIRST = 24;
const PAGE = 100;
/** A snapshot is worth its write once so many events lie beyond the last one. */
export const SNAPSHOT_EVERY = 50;

/** A stored state: as JSON, of which event it is the state after, and the signature of both. */
type Snapshot = { state: string; mark: Mark; sum: string };

/** States by stream and revision, in memory; behind them snapshots, and the stream itself. */
export class States {
  readonly #cache: LRUCache<string, Loaded>;
  readonly #defined = new Set<string>();

  constructor(private readonly store: EventStore, private readonly views: ReadModels, private readonly registry: EventRegistry,
    private readonly sign: (text: string) => Buffer, max = 10_000) {
    this.#cache = new LRUCache({ max });
  }

  peek(stream: string): Loaded | undefined { return this.#cache.get(stream); }
  forget(stream: string): void { this.#cache.delete(stream); }
  /** The cache never goes back: a late reader must not replace a newer state. */
  keep(stream: string, loaded: Loaded): void {
    const known = this.#cache.get(stream);
    if (!known || known.revision <= loaded.revision) this.#cache.set(stream, loaded);
  }

  /** The state now, from memory where that is good enough (a conflict at append tells when it was not). */
  async load(d: AnyDecider, stream: string): Promise<Loaded> {
    return this.#cache.get(stream) ?? this.read(d, stream);
  }

  /** The state after these events of one stream, as a follower meets them, where they join on to what is known here; undefined: the stream is to be read. */
  advance(d: AnyDecider, stream: string, events: readonly StoredEvent[]): Loaded | undefined {
    const known = this.#cache.get(stream) ?? (events[0]?.revision === 0 ? { state: d.initial, revision: NO_STREAM, snapshot: NO_STREAM } : undefined);
    const news = known && events.filter((e) => e.revision > known.revision);
    if (!news?.length) return known;
    if (news[0]!.revision !== known!.revision + 1) return undefined;
    const loaded = this.#fold(d, known!, news);
    this.keep(stream, loaded);
    return loaded;
  }

  /** The state as stored now. */
  async read(d: AnyDecider, stream: string): Promise<Loaded> {
    let loaded: Loaded = { state: d.initial, revision: NO_STREAM, snapshot: NO_STREAM };
    let page = await this.store.read(stream, 0, FIRST);
    loaded = this.#fold(d, loaded, page);
    let more = page.length === FIRST;
    let start = loaded.revision;
    if (more) {
      const found = await this.#snapshot(d, stream);
      // of another history (a restored backup), unless the event that it was taken after stands where it stood
      const after = found && found.loaded.revision > loaded.revision ? await this.store.read(stream, found.loaded.revision, PAGE) : [];
      if (found && isMarked(found.mark, after[0])) {
        loaded = this.#fold(d, found.loaded, after.slice(1));
        start = found.loaded.revision;
        more = after.length === PAGE;
        page = after;
      }
    }
    let mark = lastMark(page);
    while (more) {
      page = await this.store.read(stream, loaded.revision + 1, PAGE);
      more = page.length === PAGE;
      loaded = this.#fold(d, loaded, page);
      mark = lastMark(page) ?? mark;
    }
    if (loaded.revision - Math.max(start, loaded.snapshot) >= SNAPSHOT_EVERY) await this.snapshotIfDue(d, stream, loaded, mark);
    if (loaded.revision !== NO_STREAM) this.keep(stream, loaded);
    return loaded;
  }

  #fold(d: AnyDecider, from: Loaded, events: readonly StoredEvent[]): Loaded {
    const last = events.at(-1);
    if (!last) return from;
    return { ...from, state: stateOf(d, events.map((e) => this.registry.known(e)) as never, from.state as never), revision: last.revision };
  }

  #collection(d: AnyDecider): string { return `snapshot_${d.stream}@${d.snapshotVersion}`; }

  async #define(d: AnyDecider): Promise<string> {
    const name = this.#collection(d);
    if (!this.#defined.has(name)) { await this.views.define({ name, indexes: {} }); this.#defined.add(name); }
    return name;
  }

  /** Writes a snapshot when enough events lie beyond the last. A lost one costs time only. @param mark the event that it is taken after */
  async snapshotIfDue(d: AnyDecider, stream: string, loaded: Loaded, mark: Mark | undefined): Promise<void> {
    if (!mark || loaded.revision - loaded.snapshot < SNAPSHOT_EVERY) return;
    const before = loaded.snapshot;
    loaded.snapshot = loaded.revision;
    const text = JSON.stringify(loaded.state);
    const row = { state: text, mark, sum: this.#sum(mark, text) } satisfies Snapshot;
    try { await this.views.apply(await this.#define(d), [{ id: stream, position: mark.position, row }], null); } catch { loaded.snapshot = before; this.#mayBeGone(d); }
  }

  #sum({ position, stream, revision, id, at }: Mark, text: string): string {
    return this.sign(createHash('sha256').update(`${stream}\n${revision}\n${position}\n${id}\n${at}\n`).update(text).digest('base64url')).toString('base64url');
  }

  /** Null when there is none or anything is wrong with it: the events are the truth. */
  async #snapshot(d: AnyDecider, stream: string): Promise<{ loaded: Loaded; mark: Mark } | null> {
    try {
      const found = await this.views.get<Snapshot>(await this.#define(d), stream);
      if (!found || found.row.mark.stream !== stream) return null;
      const { state, mark, sum } = found.row;
      const right = Buffer.from(this.#sum(mark, state));
      const given = Buffer.from(sum);
      if (right.length !== given.length || !timingSafeEqual(right, given)) return null;
      return { loaded: { state: JSON.parse(state), revision: mark.revision, snapshot: mark.revision }, mark };
    } catch { this.#mayBeGone(d); return null; }
  }

  /** The views may have been wiped: looks again before the next one. */
  #mayBeGone(d: AnyDecider): void { this.#defined.delete(this.#collection(d)); }
}
