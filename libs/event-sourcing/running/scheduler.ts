import type { Job, WorkQueue } from '../ports/work-queue.js';
import type { Due } from '../process.js';
import { Circuit, type CircuitSettings } from './circuit.js';
import type { Clock } from './clock.js';
import { Heap } from './heap.js';

export interface LaneSettings {
  /** hand-overs per second; a lane starts with an empty bucket */
  rate: number;
  /** attempts under way at once */
  concurrency: number;
  circuit: CircuitSettings;
}

interface Entry { stream: string; due: Due; dueMs: number; handedAt: number | null; lane: Lane | null }

class Lane {
  readonly waiting = new Heap<Entry>();
  readonly running = new Set<string>();
  readonly circuit: Circuit;
  #tokens = 0;
  #filledAt: number;
  constructor(readonly settings: LaneSettings, now: number) { this.circuit = new Circuit(settings.circuit); this.#filledAt = now; }

  /** Takes a place and a token, if there are both. */
  take(now: number): boolean {
    if (this.running.size >= this.settings.concurrency) return false;
    const { rate } = this.settings;
    this.#tokens = Math.min(Math.max(1, rate), this.#tokens + ((now - this.#filledAt) * rate) / 1000);
    this.#filledAt = now;
    if (this.#tokens < 1 || !this.circuit.grant(now)) return false;
    this.#tokens--;
    return true;
  }

  /** Milliseconds until a refusal for want of a token or for an open circuit may end. */
  waitMs(now: number): number {
    if (this.running.size >= this.settings.concurrency) return Infinity;
    return Math.max(1, Math.ceil(((1 - Math.min(1, this.#tokens)) * 1000) / this.settings.rate), this.circuit.nextAt - now);
  }
}

const sameDue = (a: Due, b: Due): boolean =>
  a.id === b.id && a.dueAt === b.dueAt && a.topic === b.topic && a.lane === b.lane && a.until === b.until && a.holds === b.holds;

/** A job that was handed over and of which nothing was heard is handed over again after this (ms): at least once. */
const SILENT_MS = 30_000;
/** Streams that are asked at one sweep. */
const ASKED_AT_ONCE = 1_000;
/** What the queue did not take is offered to it again after this. */
const PUT_AGAIN_MS = 1_000;

/**
 * Knows the one due thing of every stream and hands it over when it is due and its lane allows. Everything here can be
 * lost: it is filled from the log and the due rows. Timers are data; there is one wake-up for the earliest of them.
 */
export class Scheduler {
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<string, Lane>();
  readonly #free = new Heap<Entry>();
  readonly #until = new Heap<Entry>();
  #cancelWake: (() => void) | null = null;
  #wakeAt = Infinity;
  #pumping = false;
  #held = true;
  /** asks a stream itself what is due for it: set by whoever folds due work */
  asks: ((stream: string) => Promise<Due | null>) | null = null;

  constructor(private readonly queue: WorkQueue, private readonly clock: Clock, private readonly laneSettings: (lane: string) => LaneSettings) {}

  /** Nothing is handed over before the start has filled it. */
  open(): void { this.#held = false; this.#pump(); }
  close(): void { this.#held = true; this.#cancelWake?.(); this.#cancelWake = null; this.#wakeAt = Infinity; }
  /** Forgets everything: another process hands over from now on, or this one begins anew, its lanes with empty buckets. */
  clear(): void {
    this.close();
    this.#entries.clear();
    this.#lanes.clear();
    for (const heap of [this.#free, this.#until]) heap.retain(() => false);
  }

  /** The stream's due thing is now this, or nothing. */
  offer(stream: string, due: Due | null): void {
    const known = this.#entries.get(stream);
    if (known && due && sameDue(known.due, due)) return;
    if (known?.lane) known.lane.running.delete(stream);
    if (!due) {
      if (known) { this.#entries.delete(stream); if (known.lane) this.#pumpSoon(); }
      return;
    }
    const entry: Entry = { stream, due, dueMs: Date.parse(due.dueAt), handedAt: null, lane: null };
    this.#entries.set(stream, entry);
    if (due.holds) { entry.lane = this.#lane(due.holds); entry.lane.running.add(stream); }
    if (due.lane) this.#lane(due.lane).waiting.push(entry.dueMs, entry); else this.#free.push(entry.dueMs, entry);
    if (due.until) this.#until.push(Date.parse(due.until), entry);
    this.#pumpSoon();
  }

  /** A lane's gateway answered well, or not. */
  health(lane: string, good: boolean): void {
    const l = this.#lane(lane), before = l.circuit.open;
    l.circuit.record(good, this.clock.monotonic());
    if (before && !l.circuit.open) this.#pumpSoon();
  }

  lanes(): { lane: string; waiting: number; running: number; open: boolean }[] {
    return [...this.#lanes].map(([lane, l]) => ({ lane, waiting: l.waiting.size, running: l.running.size, open: l.circuit.open }));
  }
  get size(): number { return this.#entries.size; }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (!lane) this.#lanes.set(name, (lane = new Lane(this.laneSettings(name), this.clock.monotonic())));
    return lane;
  }

  #pumpSoon(): void {
    if (this.#pumping || this.#held) return;
    this.#pumping = true;
    queueMicrotask(() => { this.#pumping = false; this.#pump(); });
  }

  #current(e: Entry): boolean { return this.#entries.get(e.stream) === e && e.handedAt === null; }

  #pump(): void {
    if (this.#held) return;
    const now = this.clock.now().getTime(), mono = this.clock.monotonic();
    const jobs: Job[] = [];
    const hand = (e: Entry): void => {
      e.handedAt = mono;
      jobs.push({ topic: e.due.topic, stream: e.stream, id: e.due.id, lane: e.due.lane });
    };
    let wake = Infinity;
    const drain = (heap: Heap<Entry>, take: (e: Entry) => boolean, blocked: () => number): void => {
      for (let top = heap.peek(); top; top = heap.peek()) {
        if (!this.#current(top.value)) { heap.pop(); continue; }
        if (top.key > now) { wake = Math.min(wake, top.key - now); return; }
        if (!take(top.value)) { wake = Math.min(wake, blocked()); return; }
        heap.pop();
        hand(top.value);
      }
    };
    drain(this.#until, () => true, () => Infinity);
    drain(this.#free, () => true, () => Infinity);
    for (const lane of this.#lanes.values()) {
      drain(lane.waiting, (e) => {
        if (!lane.take(mono)) return false;
        lane.running.add(e.stream);
        e.lane = lane;
        return true;
      }, () => lane.waitMs(mono));
    }
    if (jobs.length > 0) {
      wake = Math.min(wake, SILENT_MS);
      this.queue.put(jobs).catch(() => { this.clock.after(PUT_AGAIN_MS, () => { for (const j of jobs) this.#again(j.stream, j.id); }); });
    }
    this.#wakeIn(wake, mono);
  }

  /** Nothing came of it: its stream tells whether it is due at all. What is not must go, or it takes a place of its lane for ever. */
  async #askedAgain(e: Entry, asks: (stream: string) => Promise<Due | null>): Promise<void> {
    e.handedAt = this.clock.monotonic();
    let due: Due | null;
    try { due = await asks(e.stream); } catch { return; } // the log is away: it is asked again in a while
    if (this.#entries.get(e.stream) !== e) return;
    if (due && sameDue(due, e.due)) this.#again(e.stream, e.due.id); else this.offer(e.stream, due);
  }

  #again(stream: string, id: string): void {
    const e = this.#entries.get(stream);
    if (e?.due.id !== id || e.handedAt === null) return;
    this.#entries.delete(stream);
    e.lane?.running.delete(stream);
    this.offer(stream, e.due);
  }

  /** From time to time: hands over again what was handed over long ago and never answered by an event. */
  sweep(): void {
    const silent = this.clock.monotonic() - SILENT_MS;
    const unheard = [...this.#entries.values()].filter((e) => e.handedAt !== null && e.handedAt <= silent);
    for (const e of unheard.slice(0, ASKED_AT_ONCE)) if (this.asks) void this.#askedAgain(e, this.asks); else this.#again(e.stream, e.due.id);
    // what was settled long before its time lies deep in a heap: it goes when it is most of it
    for (const heap of [this.#free, this.#until, ...[...this.#lanes.values()].map((l) => l.waiting)]) {
      if (heap.size > 1_000 + 2 * this.#entries.size) heap.retain((e) => this.#current(e));
    }
    this.#pump(); // the wall clock may have been stepped, which no timer notices
  }

  #wakeIn(ms: number, mono: number): void {
    if (ms === Infinity) return;
    if (this.#cancelWake && this.#wakeAt <= mono + ms && this.#wakeAt > mono) return;
    this.#cancelWake?.();
    this.#wakeAt = mono + ms;
    this.#cancelWake = this.clock.after(ms, () => { this.#cancelWake = null; this.#wakeAt = Infinity; this.#pump(); });
  }
}
