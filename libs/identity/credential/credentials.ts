import { LRUCache } from 'lru-cache';
import { stateOf } from '#libs/event-sourcing/decider';
import type { StoredEvent, StoredEventOf } from '#libs/event-sourcing/event';
import { credential, type CredentialState } from './credential.decider.js';
import type { CredentialEvents } from './credential.events.js';

/** Live look-up of credentials: what the guard asks at every request. */
export interface Credentials {
  /** The credential's state as of the last event heard of it; null where there is none. */
  find(id: string): Promise<CredentialState | null>;
  /** Give it every event of the log, or those of `credential-…`: what the event changed is read anew when it is next asked for. */
  onEvent(event: Pick<StoredEvent, 'stream'>): void;
}

export interface CredentialsOptions {
  /** All events of a stream, in order; `[]` where there is none. */
  load(stream: string): Promise<readonly StoredEvent[]>;
  /** how many states are held at most */
  most?: number;
  /** milliseconds, monotonic */
  monotonic?: () => number;
}

const PREFIX = `${credential.stream}-`;
/** A stranger who invents ids finds no room for more than these, and each is asked for again soon. */
const MOST_UNKNOWN = 10_000;
const UNKNOWN_MS = 2_000;

export function liveCredentials({ load, most = 100_000, monotonic = () => performance.now() }: CredentialsOptions): Credentials {
  const known = new LRUCache<string, CredentialState>({ max: most });
  // An entry made at moment 0 would count as one without an end.
  const unknown = new LRUCache<string, true>({ max: MOST_UNKNOWN, ttl: UNKNOWN_MS, ttlResolution: 0, perf: { now: () => monotonic() + 1 } });
  const loading = new Map<string, Promise<CredentialState | null>>();

  const read = (id: string): Promise<CredentialState | null> => {
    const pending = loading.get(id);
    if (pending) return pending;
    const reading: Promise<CredentialState | null> = load(PREFIX + id).then((events) => {
      // An event came while this was read: what was read may be older than it.
      if (loading.get(id) !== reading) return find(id);
      loading.delete(id);
      const state = stateOf<CredentialState | null, CredentialEvents>(credential, events as readonly StoredEventOf<CredentialEvents>[]);
      if (state) known.set(id, state); else unknown.set(id, true);
      return state;
    }, (error: unknown) => {
      if (loading.get(id) === reading) loading.delete(id);
      throw error;
    });
    loading.set(id, reading);
    return reading;
  };

  const find = async (id: string): Promise<CredentialState | null> => known.get(id) ?? (unknown.has(id) ? null : read(id));

  return {
    find,
    onEvent({ stream }) {
      if (!stream.startsWith(PREFIX)) return;
      const id = stream.slice(PREFIX.length);
      known.delete(id);
      unknown.delete(id);
      loading.delete(id);
    },
  };
}
