import { Unavailable } from '../errors.js';
import type { Position } from '../event.js';
import type { ReadModels } from '../ports/read-models.js';
import type { Clock } from './clock.js';
import type { FollowerStatus } from './following.js';

const POLL_MS = 5;

/** Lets a reader see its own writes: waits, within a bound, until a view has seen a position. */
export class Seeing {
  readonly #last = new Map<string, Position>();
  readonly #order: string[] = [];
  constructor(private readonly statuses: ReadonlyMap<string, FollowerStatus>, private readonly views: ReadModels, private readonly clock: Clock, private readonly boundMs = 250) {}

  /** A principal appended here. The oldest of many are forgotten: a list may then be a moment behind. */
  appended(principal: string, position: Position): void {
    if (!this.#last.has(principal) && this.#order.push(principal) > 10_000) this.#last.delete(this.#order.shift()!);
    this.#last.set(principal, position);
  }

  /** True when the view has seen the position that was asked for and the principal's last one, false at the bound. */
  async upTo(view: { follower: string; collection: string }, principal: string, asked?: Position): Promise<boolean> {
    const own = this.#last.get(principal);
    const wanted = asked && own ? (asked > own ? asked : own) : (asked ?? own);
    if (!wanted) return true;
    const end = this.clock.monotonic() + this.boundMs;
    for (;;) {
      if (await this.#seen(view, wanted)) return true;
      if (this.clock.monotonic() >= end) return false;
      await new Promise<void>((resolve) => { this.clock.after(POLL_MS, resolve); });
    }
  }

  /** Waits as long as it takes for a view to see a position. @throws Unavailable when the signal aborts */
  async until(view: { follower: string; collection: string }, position: Position, signal: AbortSignal): Promise<void> {
    while (!(await this.#seen(view, position))) {
      if (signal.aborted) throw new Unavailable(view.follower);
      await new Promise<void>((resolve) => {
        const end = (): void => { stop(); signal.removeEventListener('abort', end); resolve(); };
        const stop = this.clock.after(POLL_MS, end);
        signal.addEventListener('abort', end, { once: true });
      });
    }
  }

  async #seen(view: { follower: string; collection: string }, position: Position): Promise<boolean> {
    const status = this.statuses.get(view.follower);
    const at = status ? status.position : await this.views.checkpoint(view.collection);
    return at !== null && at >= position;
  }
}
