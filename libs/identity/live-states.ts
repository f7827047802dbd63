import { LRUCache } from 'lru-cache';
import type { StoredEvent } from '#libs/event-sourcing/event';
import type { LiveListener } from '#libs/event-sourcing/running/live-state';

/** Live look-up of what each stream of a category stands at: what the guard asks at every request. */
export interface LiveStates<State extends object> extends LiveListener {
  /** The state as of the last event heard of it; null where there is none. */
  find(id: string): Promise<State | null>;
  /** The same where nothing need be read for it; else undefined. */
  known(id: string): State | null | undefined;
  /** Give it every event of the log, or those of its category: what the event changed is read anew when it is next asked for. */
  onEvent(event: Pick<StoredEvent, 'stream'>): void;
}

export interface LiveStatesOptions<State extends object> {
  /** the streams are `{category}-{id}` */
  category: string;
  /** The state of a stream as stored now; null where there is none. */
  load(stream: string): Promise<State | null>;
  /** how many states are held at most */
  most?: number;
  /** milliseconds, monotonic */
  monotonic?: () => number;
}

/** A stranger who invents ids finds no room for more than these, and each is asked for again soon. */
const MOST_UNKNOWN = 10_000;
const UNKNOWN_MS = 2_000;

export function liveStates<State extends object>({ category, load, most = 100_000, monotonic = () => performance.now() }: LiveStatesOptions<State>): LiveStates<State> {
  const prefix = `${category}-`;
  const held = new LRUCache<string, State>({ max: most });
  // An entry made at moment 0 would count as one without an end.
  const unknown = new LRUCache<string, true>({ max: MOST_UNKNOWN, ttl: UNKNOWN_MS, ttlResolution: 0, perf: { now: () => monotonic() + 1 } });
  const loading = new Map<string, Promise<State | null>>();

  const read = (id: string): Promise<State | null> => {
    const pending = loading.get(id);
    if (pending) return pending;
    const reading: Promise<State | null> = load(prefix + id).then((state) => {
      // An event came while this was read: what was read may be older than it.
      if (loading.get(id) !== reading) return find(id);
      loading.delete(id);
      if (state) held.set(id, state); else unknown.set(id, true);
      return state;
    }, (error: unknown) => {
      if (loading.get(id) === reading) loading.delete(id);
      throw error;
    });
    loading.set(id, reading);
    return reading;
  };

  const known = (id: string): State | null | undefined => held.get(id) ?? (unknown.has(id) ? null : undefined);
  const find = async (id: string): Promise<State | null> => {
    const state = known(id);
    return state === undefined ? read(id) : state;
  };

  return {
    prefixes: [prefix],
    find,
    known,
    onEvent({ stream }) {
      if (!stream.startsWith(prefix)) return;
      const id = stream.slice(prefix.length);
      held.delete(id);
      unknown.delete(id);
      loading.delete(id);
    },
  };
}
