import type { Position, StoredEvent } from '#libs/event-sourcing/event';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import { follow, statusOf } from '#libs/event-sourcing/running/following';
import type { Log } from '#libs/platform/telemetry/log';
import { published, PUBLISHED_PREFIXES, type Published } from './published.js';
import type { Subscription } from './subscription.js';

export interface LiveFeedOptions { store: EventStore; registry: Pick<EventRegistry, 'known'>; clock: Clock; log: Pick<Log, 'error'> }

/**
 * What happens, to whoever in this process wants to hear it: one follower of the log, which begins with the first subscription and ends
 * with the last, so that nobody pays while nobody listens. Every process has its own; there is no other way in which news travel.
 */
export class LiveFeed {
  readonly #all = new Set<Subscription>();
  /** most of what happens is one owner's */
  readonly #byOwner = new Map<string, Set<Subscription>>();
  #run: { stop: AbortController; began: Promise<void> } | null = null;
  #position: Position | null = null;

  constructor(private readonly options: LiveFeedOptions) {}

  /** Everything up to here was told to whoever wanted it; null: nobody listens, or the log was empty when the first began. */
  get position(): Position | null { return this.#position; }
  get listeners(): number { return this.#all.size; }

  /** From when this resolves, the subscription is told what happens. @throws Unavailable when the log cannot be asked where it stands */
  async listen(subscription: Subscription): Promise<void> {
    if (!this.#all.has(subscription)) {
      this.#all.add(subscription);
      const { owner } = subscription;
      this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? new Set()).add(subscription));
      this.#run ??= this.#start();
      // the run that this one waits for may fail: the next to come tries again
      try { await this.#run.began; } catch (error) { this.leave(subscription); throw error; }
      subscription.upTo = this.#position;
    } else await this.#run?.began;
    // it may have been closed meanwhile, and nobody would end it
    if (subscription.socket.closedWith !== null) this.leave(subscription);
  }

  leave(subscription: Subscription): void {
    if (!this.#all.delete(subscription)) return;
    const { owner } = subscription;
    const ofOwner = this.#byOwner.get(owner);
    ofOwner?.delete(subscription);
    if (ofOwner?.size === 0) this.#byOwner.delete(owner);
    if (this.#all.size > 0) return;
    this.#run?.stop.abort();
    this.#run = null;
    this.#position = null;
  }

  #start(): { stop: AbortController; began: Promise<void> } {
    const stop = new AbortController();
    const began = this.options.store.head().then((head) => {
      if (stop.signal.aborted) return;
      this.#position = head;
      void this.#follow(stop.signal);
    });
    return { stop, began };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.options;
    const status = statusOf('sockets');
    await follow(store, {
      name: status.name, prefixes: PUBLISHED_PREFIXES,
      // after a break it goes on where it was
      start: () => Promise.resolve(this.#position),
      handle: ({ events, position }) => { if (!signal.aborted) { for (const event of events) this.#tell(event); this.#position = position; } return Promise.resolve(); },
      idle: (position) => { if (!signal.aborted) this.#position = position; return Promise.resolve(); },
    }, status, clock, signal);
    if (signal.aborted) return;
    // an event that this program does not know, or a damaged one: who listens must not take silence for peace
    log.error({ part: 'sockets', err: new Error(status.stopped ?? 'stopped') }, 'what happens cannot be told to sockets any more');
    for (const { socket } of [...this.#all]) socket.end('unheard');
  }

  #tell(event: StoredEvent): void {
    const told = published(this.options.registry.known(event));
    if (told) this.#show(told);
    this.#position = event.position;
  }

  #show(told: Published): void {
    let text: string | null = null;
    for (const subscription of (told.owner === null ? this.#all : this.#byOwner.get(told.owner)) ?? []) {
      if (!subscription.held && subscription.shows(told)) subscription.socket.send((text ??= JSON.stringify(told.frame)));
    }
  }
}
