import { DUE_WORK } from '#libs/event-sourcing/running/due-work';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { Metrics } from '#libs/platform/telemetry/metrics';

export interface Failing { part: string; reason: string }

const CACHE_MS = 1_000;
/** Whoever has not answered by then is not ready, however long an engine would still try. */
const ANSWER_WITHIN_MS = 2_000;

/** What of this process cannot do its work, looked at no more than once a second. */
export class Readiness {
  #at = -Infinity;
  #last: Failing[] = [];
  #draining = false;
  #looking: Promise<Failing[]> | null = null;
  constructor(private readonly kernel: Kernel, private readonly clock: Clock, private readonly metrics: Metrics,
    /** client certificates that end soon */
    private readonly ending: () => Promise<number>) {}

  /** From now on not ready: the process is about to end. */
  drain(): void { this.#draining = true; this.#at = -Infinity; }

  async failing(): Promise<Failing[]> {
    if (this.clock.monotonic() - this.#at < CACHE_MS) return this.#last;
    return await (this.#looking ??= this.#look().finally(() => { this.#looking = null; }));
  }

  async #look(): Promise<Failing[]> {
    const { engine } = this.kernel.options;
    const { eventStore, readModels } = engine;
    const found = await Promise.all([
      this.#asked('log', async () => { await eventStore.head(); return []; }),
      this.#asked('views', async () => { await readModels.checkpoint(DUE_WORK.name); return []; }),
      this.#asked('engines', async () => await engine.failing?.() ?? []),
    ]);
    const failing: Failing[] = this.#draining ? [{ part: 'process', reason: 'it is shutting down' }] : [];
    failing.push(...found.flat());
    for (const s of this.kernel.statuses.values()) {
      if (s.stopped) failing.push({ part: s.name, reason: s.stopped });
      else if (s.anew) failing.push({ part: s.name, reason: 'what it had written was lost: it is computed again from the log' });
    }
    if (!this.kernel.live.fresh()) failing.push({ part: 'live', reason: 'nothing was heard from the log for 5 s: no credential can be trusted' });
    this.#last = failing;
    this.#at = this.clock.monotonic();
    return failing;
  }

  #asked(part: string, ask: () => Promise<Failing[]>): Promise<Failing[]> {
    const asked = ask().catch((error: unknown): Failing[] => [{ part, reason: error instanceof Error ? error.message : 'it does not answer' }]);
    return this.#inTime(asked, [{ part, reason: `no answer within ${ANSWER_WITHIN_MS} ms` }]);
  }

  #inTime<T>(asked: Promise<T>, otherwise: T): Promise<T> {
    let cancel = (): void => {};
    const late = new Promise<T>((answer) => { cancel = this.clock.after(ANSWER_WITHIN_MS, () => answer(otherwise)); });
    return Promise.race([asked, late]).finally(() => cancel());
  }

  /** Fills the gauges; the counters count by themselves. */
  async collect(): Promise<void> {
    const m = this.metrics;
    // where the view does not answer, `failing` says so
    const ending = this.#inTime(this.ending().then((count) => m.certificatesEnding.set(count), () => undefined), undefined);
    const [failing] = await Promise.all([this.failing(), ending]);
    m.failing.reset();
    for (const { part } of failing) m.failing.set({ part }, 1);
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
