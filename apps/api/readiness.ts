import { DUE_WORK } from '#libs/event-sourcing/running/due-work';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { Metrics } from '#libs/platform/telemetry/metrics';

export interface Failing { part: string; reason: string }

const CACHE_MS = 1_000;

/** What of this process cannot do its work, looked at no more than once a second. */
export class Readiness {
  #at = -Infinity;
  #last: Failing[] = [];
  #draining = false;
  constructor(private readonly kernel: Kernel, private readonly clock: Clock, private readonly metrics: Metrics) {}

  /** From now on not ready: the process is about to end. */
  drain(): void { this.#draining = true; this.#at = -Infinity; }

  async failing(): Promise<Failing[]> {
    if (this.clock.monotonic() - this.#at < CACHE_MS) return this.#last;
    const failing: Failing[] = this.#draining ? [{ part: 'process', reason: 'it is shutting down' }] : [];
    const { engine } = this.kernel.options;
    const { eventStore, readModels } = engine;
    const parts: [string, () => Promise<unknown>][] = [['log', () => eventStore.head()], ['views', () => readModels.checkpoint(DUE_WORK.name)]];
    for (const [part, ask] of parts) {
      try { await ask(); } catch (error) { failing.push({ part, reason: error instanceof Error ? error.message : 'it does not answer' }); }
    }
    failing.push(...(await engine.failing?.() ?? []));
    for (const s of this.kernel.statuses.values()) if (s.stopped) failing.push({ part: s.name, reason: s.stopped });
    this.#last = failing;
    this.#at = this.clock.monotonic();
    return failing;
  }

  /** Fills the gauges; the counters count by themselves. */
  collect(): void {
    const m = this.metrics;
    for (const s of this.kernel.statuses.values()) {
      m.followerEvents.set({ follower: s.name }, s.events);
      m.followerSilentSeconds.set({ follower: s.name }, Math.max(0, this.clock.monotonic() - s.heardAt) / 1000);
      m.followerStopped.set({ follower: s.name }, s.stopped ? 1 : 0);
    }
    for (const [view, p] of this.kernel.projectings) m.parkedRows.set({ view }, p.parked());
    m.parkedRows.set({ view: 'due-work' }, this.kernel.parkedDueWork());
    for (const l of this.kernel.scheduler.lanes()) {
      m.laneWaiting.set({ lane: l.lane }, l.waiting);
      m.laneRunning.set({ lane: l.lane }, l.running);
      m.laneOpen.set({ lane: l.lane }, l.open ? 1 : 0);
    }
  }
}
