import { randomUUID } from 'node:crypto';
import type { AnyDecider } from '../decider.js';
import type { AnyProcess } from '../process.js';
import type { AnyProjection } from '../projection.js';
import type { EventStore } from '../ports/event-store.js';
import type { Keys } from '../ports/keys.js';
import type { ReadModels } from '../ports/read-models.js';
import type { Shared } from '../ports/shared.js';
import type { WorkQueue } from '../ports/work-queue.js';
import type { BoundReaction } from '../reaction.js';
import { Refusal } from '../errors.js';
import type { Position } from '../event.js';
import { house } from '../house/house.decider.js';
import { notBesideOldLog, sameHouse } from '../house/same-house.js';
import { Keyring } from '../sealing/keyring.js';
import { Sealer } from '../sealing/sealer.js';
import { foldInBulk } from './bulk-folding.js';
import type { Clock } from './clock.js';
import { Commands } from './commands.js';
import { dueWork, type DueWork } from './due-work.js';
import { EventRegistry } from './event-registry.js';
import { follow, pause, statusOf, type Around, type Follower, type FollowerStatus } from './following.js';
import { collectionOf, projecting, type Projecting } from './projecting.js';
import { dueWorkAnew, projectionAnew } from './rebuilding.js';
import { leading, type Leading } from './leading.js';
import { LiveState, type LiveListener } from './live-state.js';
import { reacting, type Reacting } from './reacting.js';
import { Scheduler, type LaneSettings } from './scheduler.js';
import { Seeing } from './seeing.js';
import { States } from './states.js';

/** The ports, as one engine set offers them. */
export interface Engine {
  eventStore: EventStore;
  readModels: ReadModels;
  keys: Keys;
  workQueue: WorkQueue;
  shared: Shared;
  /** what cannot be written at the moment, and why: for whoever asks whether this process is ready */
  failing?(): Promise<{ part: string; reason: string }[]>;
}

export interface KernelOptions {
  engine: Engine;
  masterKey: Uint8Array;
  clock: Clock;
  deciders: readonly AnyDecider[];
  processes: readonly AnyProcess[];
  projections: readonly AnyProjection[];
  lanes: (lane: string) => LaneSettings;
  /** what every process hears of the log, and views that it also folds in memory */
  live?: readonly LiveListener[];
  reactions?: readonly BoundReaction[];
  /** stands around each batch that a projection folds */
  around?: Around | undefined;
}

const DUE_WORK_FOLLOWER = 'due-work';
const SCHEDULER = 'scheduler';
/** A follower that stands still looks again after this. */
const STOPPED_MS = 30_000;
/** Longer than a leader takes to notice that it was not let down. */
const LEASE_MS = 6_000;

/** Everything that runs the four shapes in one process; an app starts the parts that it is. */
export class Kernel {
  readonly projectings = new Map<string, Projecting>();
  readonly reactings = new Map<string, Reacting>();
  /** `live.fresh()`: false when the log was not heard for 5 s, and no credential can be trusted */
  readonly live: LiveState;
  readonly #stop = new AbortController();
  /** what runs, by follower: how to end it, and when it has ended */
  readonly #running = new Map<string, { stop: AbortController; ended: Promise<void> }>();
  readonly #rebuilding = new Map<string, Promise<unknown>>();
  #due: DueWork | null = null;
  #sweep: (() => void) | null = null;
  #leading: Leading | null = null;
  /** who this process is to the others, while it lives */
  readonly #me = randomUUID();

  private constructor(readonly options: KernelOptions, readonly registry: EventRegistry, readonly keyring: Keyring, readonly sealer: Sealer,
    readonly states: States, readonly commands: Commands, readonly scheduler: Scheduler, readonly seeing: Seeing,
    readonly statuses: Map<string, FollowerStatus>) {
    this.live = new LiveState(options.live ?? [], options.engine.eventStore, options.engine.readModels, registry, options.clock);
  }

  /** @throws Damaged when the master key is not the data's, or log and key directory are not of one house (compared where `house` is among the deciders) */
  static async open(options: KernelOptions): Promise<Kernel> {
    const { engine, clock } = options;
    await notBesideOldLog(engine.eventStore, engine.keys);
    const keyring = await Keyring.open(engine.keys, options.masterKey);
    const sealer = new Sealer(keyring);
    const registry = new EventRegistry(options.deciders, sealer);
    const states = new States(engine.eventStore, engine.readModels, registry, (text) => keyring.mac('snapshot', text));
    const commands = new Commands(engine.eventStore, states, sealer, clock);
    if ((options.deciders as readonly unknown[]).includes(house)) await sameHouse(engine.eventStore, engine.keys, states, commands);
    const scheduler = new Scheduler(engine.workQueue, clock, options.lanes);
    const statuses = new Map<string, FollowerStatus>();
    const seeing = new Seeing(statuses, engine.readModels, clock);
    commands.onAppend((_stream, principal, position) => seeing.appended(principal, position));
    return new Kernel(options, registry, keyring, sealer, states, commands, scheduler, seeing, statuses);
  }

  /**
   * Follows the log for live state, and knows the views, whoever folds them: in every process. Resolves once the log was heard up to
   * where it stands now. @throws Error when it cannot be understood · Unavailable
   */
  async startLive(): Promise<void> {
    const { follower, status, ready } = this.live;
    const { projections, engine: { readModels } } = this.options;
    await Promise.all(projections.map((p) => readModels.define({ name: collectionOf(p), indexes: p.indexes as Record<string, string[]> })));
    await Promise.race([ready, this.#follow(follower, status)]);
    if (status.stopped) throw new Error(status.stopped);
  }

  /** Follows the log for views, due work and the lanes: the projector's part. */
  startFollowers(): void {
    const { engine, clock, projections } = this.options;
    for (const p of projections) this.#startProjection(p);
    const seen = (view: string, position: string): Promise<void> => this.seeing.until({ follower: view, collection: this.collection(view) }, position, this.#stop.signal);
    for (const r of this.options.reactions ?? []) {
      const follower = reacting(r, { store: engine.eventStore, commands: this.commands, registry: this.registry, clock, seen });
      this.reactings.set(r.reaction.name, follower);
      void this.#follow(follower);
    }
    // who knows no process must not say how far due work was seen
    if (this.options.processes.length > 0) this.#leading = leading(SCHEDULER, this.#me, engine.shared, clock, (leads) => (leads ? this.#startDueWork() : this.#endDueWork()));
    const sweep = (): void => { this.scheduler.sweep(); this.#sweep = clock.after(5_000, sweep); };
    this.#sweep = clock.after(5_000, sweep);
  }

  #startProjection(p: AnyProjection): void {
    const follower = projecting(p, this.options.engine.eventStore, this.options.engine.readModels, this.registry);
    this.projectings.set(p.name, follower);
    void this.#follow(follower);
  }

  /** streams whose due work nobody can tell, because their fold failed */
  parkedDueWork(): number { return this.#due?.parked() ?? 0; }

  /** Of several processes one knows what is due, and hands it over. */
  #startDueWork(): Promise<void> {
    const { engine, clock, processes } = this.options;
    this.#due = dueWork(processes, engine.eventStore, engine.readModels, this.states, this.registry, this.scheduler, clock);
    void this.#follow(this.#due);
    return Promise.resolve();
  }

  async #endDueWork(): Promise<void> {
    this.scheduler.close();
    await this.#end(DUE_WORK_FOLLOWER);
    await this.#due?.close();
    this.#due = null;
    this.scheduler.clear();
  }

  async #end(name: string): Promise<void> {
    const running = this.#running.get(name);
    running?.stop.abort();
    await running?.ended;
    this.#running.delete(name);
    this.statuses.delete(name);
  }

  #follow(follower: Follower, status: FollowerStatus = statusOf(follower.name)): Promise<void> {
    this.statuses.set(follower.name, status);
    const { engine, clock, around } = this.options;
    const stop = new AbortController(), signal = AbortSignal.any([stop.signal, this.#stop.signal]);
    const once = (): Promise<void> => follow(engine.eventStore, follower, status, clock, signal, this.projectings.has(follower.name) ? around : undefined);
    const first = once();
    this.#running.set(follower.name, { stop, ended: this.#again(first, once, status, signal) });
    return first;
  }

  /** What stopped it may be mended meanwhile, by a rebuild in another process or a newer program beside this one. */
  async #again(first: Promise<void>, once: () => Promise<void>, status: FollowerStatus, signal: AbortSignal): Promise<void> {
    for (let run = first; ; run = once()) {
      await run;
      if (signal.aborted || !status.stopped) return;
      await pause(STOPPED_MS, this.options.clock, signal);
      if (signal.aborted) return;
    }
  }

  /**
   * Forgets a view's rows (or, for `due-work`, what is still to do) and folds the log again from its first event; the other
   * followers go on. Its own follower stands still meanwhile and takes up where it stood. Sends nothing: only the log is read.
   * @param progress events folded so far, how far the log was seen, and how far it goes
   * @returns how many events were folded
   * @throws Refusal not_found · Refusal conflict where another process hands over what is due · Refusal conflict while it is being rebuilt already · UnknownEvent · Damaged · AbortError when the kernel is closed (its follower takes it up at the next start)
   */
  rebuild(name: string, progress: (events: number, at: Position, to: Position) => void): Promise<number> {
    const p = this.options.projections.find((x) => x.name === name);
    if (!p && name !== DUE_WORK_FOLLOWER) return Promise.reject(new Refusal('not_found', `There is no view ${name}. There are: ${[...this.options.projections.map((x) => x.name), DUE_WORK_FOLLOWER].join(', ')}.`));
    if (this.#rebuilding.has(name)) return Promise.reject(new Refusal('conflict', `${name} is being rebuilt already.`));
    const work = (p || this.#due ? this.#rebuild(name, p, progress) : this.#asLeader(() => this.#rebuild(name, p, progress))).finally(() => this.#rebuilding.delete(name));
    this.#rebuilding.set(name, work.catch(() => undefined));
    return work;
  }

  /** What is due is the business of whoever leads: of nobody else while it is worked out anew here. */
  async #asLeader<T>(work: () => Promise<T>): Promise<T> {
    const { engine: { shared }, clock } = this.options;
    if (!(await shared.lease(SCHEDULER, this.#me, LEASE_MS))) throw new Refusal('conflict', 'Another process hands over what is due at the moment: end the projectors, wait six seconds, and ask again.');
    const held = leading(SCHEDULER, this.#me, shared, clock, () => Promise.resolve());
    try { return await work(); } finally { await held.close(); }
  }

  async #rebuild(name: string, p: AnyProjection | undefined, progress: (events: number, at: Position, to: Position) => void): Promise<number> {
    const { eventStore: store, readModels: views } = this.options.engine;
    const running = this.#running.get(name);
    running?.stop.abort();
    await running?.ended;
    if (!p && running) await this.#due?.close();
    const status = this.statuses.get(name);
    const head = await store.head();
    // to where the follower stood: what came since, it takes up as it would have
    const to = status && !status.stopped && status.position !== null && head !== null && status.position <= head ? status.position : head;
    try {
      const folding = p ? await projectionAnew(p, views, this.registry) : await dueWorkAnew(this.options.processes, views, this.states, this.registry);
      return await foldInBulk(folding, store, views, { to, signal: this.#stop.signal, progress: (events, at) => { if (to !== null) progress(events, at, to); } });
    } finally {
      if (running && !this.#stop.signal.aborted) { if (p) this.#startProjection(p); else void this.#startDueWork(); }
    }
  }

  collection(name: string): string {
    const p = this.options.projections.find((x) => x.name === name);
    if (!p) throw new Error(`no projection ${name}`);
    return collectionOf(p);
  }

  /** Ends following and writes what trails behind. Engines stay open. */
  async close(): Promise<void> {
    this.scheduler.close();
    this.#sweep?.();
    this.#stop.abort();
    await Promise.all([...this.#running.values()].map((r) => r.ended));
    await Promise.all(this.#rebuilding.values());
    await this.#leading?.close();
  }
}
