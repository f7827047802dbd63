import { Refusal } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import type { LiveFeed } from './live-feed.js';
import { published, PUBLISHED_PREFIXES } from './published.js';
import type { Subscription } from './subscription.js';

/** So many events are gone through at most: whoever was away for longer reads the lists. */
export const MOST_BACK = 100_000;
const PAGE = 1_000;
/** Pages that are read at once: whose turn it is changes with each, so that neither a long absence nor a slow reader holds up the others. */
const AT_ONCE = 2;
/** Frames that are kept for a socket while what it missed is counted; the rest is read again as its reader takes it. */
const MOST_KEPT = 5_000;
/** Frames that are sent before the reader is waited for. */
const IN_ONE_GO = 50;

export interface ResumptionOptions { store: EventStore; registry: Pick<EventRegistry, 'known'>; feed: LiveFeed; /** events */ mostBack?: number; /** events read in one go */ page?: number; /** frames */ mostKept?: number }

/** Shows a socket what it missed, exactly what it would have been shown, and then lets it hear what happens: no gap, nothing twice. */
export class Resumption {
  #reading = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly options: ResumptionOptions) {}

  /**
   * Live frames wait from the moment of the call until what was missed has been shown.
   * @param from what the socket saw last
   * @param begin done once `from` is known to be good, before anything is read: subscribes
   * @returns how many frames were shown, and up to where
   * @throws Refusal validation_failed (not a position of this log) · too_far_back · Unavailable
   */
  async resume(subscription: Subscription, from: Position, begin: () => Promise<void> = () => Promise.resolve()): Promise<{ count: number; position: Position }> {
    const head = await this.options.store.head();
    if (head === null || !isLike(from, head) || from > head) throw new Refusal('validation_failed', undefined, [{ field: 'position', message: 'must be a position that this server has given, in a frame or an answer' }]);
    const { feed } = this.options;
    let heldAt = feed.position;
    subscription.held = true;
    try {
      await begin();
      heldAt ??= feed.position;
      return await this.#catchUp(subscription, from, head, heldAt);
    } finally { subscription.held = false; }
  }

  async #catchUp(subscription: Subscription, from: Position, head: Position, heldAt: Position | null): Promise<{ count: number; position: Position }> {
    const before = subscription.upTo;
    subscription.upTo = from;
    const missed = await this.#missed(subscription, from, head).catch((error: unknown) => ({ error }));
    try {
      if ('error' in missed) {
        // nothing of it was shown; what happened meanwhile is
        subscription.upTo = before;
        await this.#rejoin(subscription, heldAt);
        throw missed.error;
      }
      const count = await this.#show(subscription, missed.frames);
      const joined = await this.#rejoin(subscription, missed.at);
      return { count: count + joined.count, position: joined.at ?? missed.at };
    } catch (error) {
      // what happened meanwhile is lost to this socket: it must not take silence for peace
      if (subscription.held) subscription.socket.end('unheard');
      throw error;
    }
  }

  /** All of it is counted before any is shown: of too much nothing is. `at`: up to where frames were kept. */
  async #missed(subscription: Subscription, from: Position, head: Position): Promise<{ frames: string[]; at: Position }> {
    const { mostBack = MOST_BACK, mostKept = MOST_KEPT } = this.options;
    const frames: string[] = [];
    let at = from, kept = from, gone = 0;
    while (at < head) {
      const page = await this.#page(subscription, at);
      gone += page.events;
      if (gone > mostBack) throw new Refusal('too_far_back', `More than ${mostBack} events have happened since that position. Read the lists instead, then go on from here.`);
      if (page.end) break;
      if (kept === at && frames.length + page.frames.length <= mostKept) {
        for (const frame of page.frames) frames.push(frame);
        kept = page.at;
      }
      at = page.at;
    }
    return { frames, at: kept };
  }

  /** Shows what happened while live frames waited, and lets them come again in the same moment in which nothing is left. */
  async #rejoin(subscription: Subscription, from: Position | null): Promise<{ count: number; at: Position | null }> {
    const { feed } = this.options;
    let at = from, count = 0;
    for (let told = feed.position; told !== null && (at === null || told > at); told = feed.position) {
      const page = await this.#page(subscription, at);
      count += await this.#show(subscription, page.frames);
      // nothing more: of what the feed has seen until then, nothing could be shown
      at = page.end && page.at < told ? told : page.at;
    }
    subscription.upTo = at;
    subscription.held = false;
    return { count, at };
  }

  async #page(subscription: Subscription, after: Position | null): Promise<{ frames: string[]; events: number; at: Position; end: boolean }> {
    const { registry } = this.options;
    const { events, position } = await this.#read(after);
    // it may have been closed while it waited for its turn
    if (subscription.socket.closedWith !== null) throw new Refusal('unavailable', 'The socket was closed.');
    const frames = events.flatMap((event) => {
      const told = published(registry.known(event));
      return told && subscription.shows(told) ? [JSON.stringify(told.frame)] : [];
    });
    return { frames, events: events.length, at: position, end: events.length === 0 };
  }

  async #read(after: Position | null): ReturnType<EventStore['readAll']> {
    const { store, page = PAGE } = this.options;
    if (this.#reading === AT_ONCE) await new Promise<void>((resolve) => { this.#waiting.push(resolve); });
    else this.#reading++;
    try { return await store.readAll(after, PUBLISHED_PREFIXES, page); } finally {
      const next = this.#waiting.shift();
      if (next) next(); else this.#reading--;
    }
  }

  /** As fast as the reader takes it. */
  async #show({ socket }: Subscription, frames: readonly string[]): Promise<number> {
    for (const [i, frame] of frames.entries()) {
      if (i % IN_ONE_GO !== IN_ONE_GO - 1 && i < frames.length - 1) socket.send(frame);
      else if (!(await socket.sent(frame))) throw new Refusal('unavailable', 'The socket was closed.');
    }
    return frames.length;
  }
}

/** Positions of one log are written alike: as many signs, digits where there are digits. */
const isLike = (a: string, b: string): boolean => a.length === b.length && a.replace(/\d/g, '0') === b.replace(/\d/g, '0');
