import { Damaged } from '../errors.js';
import type { Catalogue, Position, StoredEvent } from '../event.js';
import type { AnyProjection, Projection, Row } from '../projection.js';
import type { Batch, EventStore } from '../ports/event-store.js';
import type { ReadModels } from '../ports/read-models.js';
import type { Clock } from './clock.js';
import type { EventRegistry } from './event-registry.js';
import { statusOf, type Follower, type FollowerStatus } from './following.js';
import { collectionOf } from './projecting.js';
import { resume } from './resuming.js';

/** What a process hears of the log while it runs: every event of these streams, from where it began. */
export interface LiveListener {
  prefixes: readonly string[];
  onEvent(event: StoredEvent): void;
}

/** The whole of a small view, in memory: settings, gateways. */
export interface LiveView<R extends Row> extends LiveListener {
  readonly of: AnyProjection;
  get(id: string): R | null;
  all(): ReadonlyMap<string, R>;
  /** Begins with the rows of the view as stored; answers how far the log was seen by them. Rows of another log are none: then all is folded here. */
  fill(views: ReadModels, store: EventStore): Promise<Position | null>;
}

const PAGE = 1_000;

/** A projection that this process folds in memory too. `changed` is told of each row after it was folded (null: gone). */
export function liveView<E extends Catalogue, R extends Row>(of: Projection<E, R>, changed?: (id: string, row: R | null) => void): LiveView<R> {
  let rows = new Map<string, R>();
  let positions = new Map<string, Position>();
  const collection = collectionOf(of);
  return {
    of,
    prefixes: of.follows.map((category) => `${category}-`),
    get: (id) => rows.get(id) ?? null,
    all: () => rows,
    onEvent(event) {
      for (const id of of.keys(event as never)) {
        if (event.position <= (positions.get(id) ?? '')) continue;
        const row = of.fold(rows.get(id) ?? null, event as never, id);
        positions.set(id, event.position);
        if (row) rows.set(id, row); else rows.delete(id);
        changed?.(id, row);
      }
    },
    async fill(views, store) {
      await views.define({ name: collection, indexes: of.indexes as Record<string, string[]> });
      const filled = new Map<string, R>(), at = new Map<string, Position>();
      let from: Position | null;
      try { from = await resume(of.name, collection, views, store); } // before the rows: these may only be newer
      catch (error) {
        if (!(error instanceof Damaged)) throw error;
        [rows, positions] = [filled, at];
        return null;
      }
      for (let after: string[] | undefined; ;) {
        const page = await views.find<R>(collection, { where: {}, sort: { by: ['id'] }, ...(after ? { after } : {}), limit: PAGE });
        for (const { id, row, position } of page) { filled.set(id, row); at.set(id, position); }
        if (page.length < PAGE) break;
        after = [page.at(-1)!.id];
      }
      [rows, positions] = [filled, at];
      return from;
    },
  };
}

/** After so long without a word from the log, nobody can say whether a credential was revoked. */
export const HEARD_WITHIN_MS = 5_000;

const isView = (l: LiveListener): l is LiveView<Row> => 'fill' in l;

/** All live state of a process: one subscription, from the rows of the views (or the head) on. */
export class LiveState {
  readonly status: FollowerStatus = statusOf('live');
  readonly follower: Follower;
  /** Resolves when the log was heard up to where it stood at the start. */
  readonly ready: Promise<void>;
  #reached!: () => void;
  #target: Position | null = null;
  /** after a silence: the log is heard again, but what it says first is old */
  #catchingUp = false;

  constructor(private readonly listeners: readonly LiveListener[], private readonly store: EventStore, private readonly views: ReadModels,
    private readonly registry: EventRegistry, private readonly clock: Clock) {
    this.ready = new Promise((resolve) => { this.#reached = resolve; });
    this.follower = {
      name: this.status.name,
      // without listeners the log is heard all the same; no prefix at all would be every stream
      prefixes: listeners.length > 0 ? [...new Set(listeners.flatMap((l) => l.prefixes))] : ['nothing-'],
      start: () => this.#start(),
      handle: (batch) => this.#handle(batch),
      idle: async (position) => { await this.#afterSilence(); this.#at(position); },
    };
  }

  /** False when nothing was heard from the log for so long (ms), or what was heard could not be understood. */
  heardWithin(ms: number): boolean {
    return this.status.stopped === null && this.#seen !== undefined && !this.#catchingUp && this.clock.monotonic() - this.status.heardAt <= ms;
  }
  /** True while what is known here is at most 5 s old: the guard asks before it trusts a credential. */
  fresh(): boolean { return this.heardWithin(HEARD_WITHIN_MS); }

  /** undefined until the start has been made; null at the start of the log */
  #seen: Position | null | undefined;

  async #start(): Promise<Position | null> {
    if (this.#seen !== undefined) { // after a break it goes on where it was
      await this.#afterSilence();
      return this.#seen;
    }
    const head = await this.store.head();
    let from = head;
    for (const l of this.listeners) {
      if (!isView(l)) continue;
      const checkpoint = await l.fill(this.views, this.store);
      if (checkpoint === null || (from !== null && checkpoint < from)) from = checkpoint;
    }
    this.#target = head;
    this.#at(from);
    return from;
  }

  /** Who was silent for so long may have much to tell: nothing is known until it has told all that there is by now. */
  async #afterSilence(): Promise<void> {
    if (this.#catchingUp || this.clock.monotonic() - this.status.heardAt <= HEARD_WITHIN_MS) return;
    this.#target = await this.store.head();
    this.#catchingUp = true;
  }

  async #handle(batch: Batch): Promise<void> {
    await this.#afterSilence();
    for (const event of await this.registry.folded(batch.events)) {
      for (const l of this.listeners) if (l.prefixes.some((p) => event.stream.startsWith(p))) l.onEvent(event);
      this.#seen = event.position;
    }
    this.#at(batch.position);
  }

  #at(position: Position | null): void {
    this.#seen = position;
    if (this.#target !== null && (position === null || position < this.#target)) return;
    this.#catchingUp = false;
    this.#reached();
  }
}
