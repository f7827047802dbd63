import { ConnectedSocket, MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import { validatorOf } from '#libs/platform/validation/validator';
import { Permit } from '../permission.js';
import { TakesFrames } from './frame.filter.js';
import { MOST_PATTERNS, ResumeFrame, SubscribeFrame, UnsubscribeFrame } from './live-frames.dto.js';
import { LiveFeed } from './live-feed.js';
import { Resumption } from './resumption.js';
import { Subscription } from './subscription.js';
import type { LiveSocket } from './visitor.js';

const subscribed = validatorOf(SubscribeFrame), unsubscribed = validatorOf(UnsubscribeFrame), resumed = validatorOf(ResumeFrame);

/** `position`: everything that happens after it is shown; null: nobody listens. */
interface Subscribed { type: 'subscribed'; events: string[]; position: Position | null }
interface Resumed { type: 'resumed'; position: Position; count: number }

/** What every client may send: is somebody there, and what it wants to hear. */
@TakesFrames()
export class LiveSocketGateway {
  readonly #subscriptions = new WeakMap<LiveSocket, Subscription>();
  constructor(private readonly feed: LiveFeed, private readonly resumption: Resumption) {}

  @SubscribeMessage('ping') @Permit('public')
  ping(): { type: 'pong' } { return { type: 'pong' }; }

  /** Adds patterns; with a position, what happened after it comes first. */
  @SubscribeMessage('subscribe') @Permit('live:read')
  async subscribe(@ConnectedSocket() socket: LiveSocket, @MessageBody() body: unknown): Promise<Subscribed | Resumed> {
    const { events, position } = subscribed(body);
    const subscription = this.#of(socket);
    const all = new Set([...subscription.patterns, ...events]);
    if (all.size > MOST_PATTERNS) throw new Refusal('validation_failed', undefined, [{ field: 'events', message: `a socket has at most ${MOST_PATTERNS} patterns` }]);
    const begin = async (): Promise<void> => {
      await this.feed.listen(subscription);
      for (const pattern of events) subscription.patterns.add(pattern);
    };
    if (position === undefined) {
      await begin();
      return this.#now(subscription, this.feed.position);
    }
    return { type: 'resumed', ...await this.resumption.resume(subscription, position, async () => { await begin(); socket.send(JSON.stringify(this.#now(subscription, position))); }) };
  }

  @SubscribeMessage('unsubscribe') @Permit('live:read')
  unsubscribe(@ConnectedSocket() socket: LiveSocket, @MessageBody() body: unknown): Subscribed {
    const { events } = unsubscribed(body);
    const subscription = this.#of(socket);
    for (const pattern of events) subscription.patterns.delete(pattern);
    const now = this.#now(subscription, this.feed.position);
    if (subscription.patterns.size === 0) this.feed.leave(subscription);
    return now;
  }

  /** Shows again what the subscriptions would have shown after a position. */
  @SubscribeMessage('resume') @Permit('live:read')
  async resume(@ConnectedSocket() socket: LiveSocket, @MessageBody() body: unknown): Promise<Resumed> {
    const { position } = resumed(body);
    const subscription = this.#of(socket);
    if (subscription.patterns.size === 0) throw new Refusal('validation_failed', 'Nothing is subscribed to, so nothing was missed. Subscribe first; best with `position`.');
    return { type: 'resumed', ...await this.resumption.resume(subscription, position) };
  }

  #of(socket: LiveSocket): Subscription {
    const known = this.#subscriptions.get(socket);
    if (known) return known;
    const made = new Subscription(socket);
    this.#subscriptions.set(socket, made);
    socket.onClose(() => this.feed.leave(made));
    return made;
  }

  #now({ patterns }: Subscription, position: Position | null): Subscribed { return { type: 'subscribed', events: [...patterns].sort(), position }; }
}
