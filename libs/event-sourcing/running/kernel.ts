import type { AnyDecider } from '../decider.js';
import type { AnyProcess } from '../process.js';
import type { AnyProjection } from '../projection.js';
import type { EventStore } from '../ports/event-store.js';
import type { Keys } from '../ports/keys.js';
import type { ReadModels } from '../ports/read-models.js';
import type { Shared } from '../ports/shared.js';
import type { WorkQueue } from '../ports/work-queue.js';
import type { BoundReaction } from '../reaction.js';
import { Keyring } from '../sealing/keyring.js';
import { Sealer } from '../sealing/sealer.js';
import type { Clock } from './clock.js';
import { Commands } from './commands.js';
import { dueWork, type DueWork } from './due-work.js';
import { EventRegistry, type Upcasts } from './event-registry.js';
import { follow, statusOf, type Follower, type FollowerStatus } from './following.js';
import { collectionOf, projecting, type Projecting } from './projecting.js';
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
}

export interface KernelOptions {
  engine: Engine;
  masterKey: Uint8Array;
  clock: Clock;
  deciders: readonly AnyDecider[];
  upcasts?: Upcasts;
  processes: readonly AnyProcess[];
  projections: readonly AnyProjection[];
  lanes: (lane: string) => LaneSettings;
  /** what every process hears of the log, and views that it also folds in memory */
  live?: readonly LiveListener[];
  reactions?: readonly BoundReaction[];
}

/** Everything that runs the four shapes in one process; an app starts the parts that it is. */
export class Kernel {
  readonly projectings = new Map<string, Projecting>();
  readonly reactings = new Map<string, Reacting>();
  /** `live.fresh()`: false when the log was not heard for 5 s, and no credential can be trusted */
  readonly live: LiveState;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  #due: DueWork | null = null;
  #sweep: (() => void) | null = null;

  private constructor(readonly options: KernelOptions, readonly registry: EventRegistry, readonly keyring: Keyring, readonly sealer: Sealer,
    readonly states: States, readonly commands: Commands, readonly scheduler: Scheduler, readonly seeing: Seeing,
    readonly statuses: Map<string, FollowerStatus>) {
    this.live = new LiveState(options.live ?? [], options.engine.eventStore, options.engine.readModels, registry, options.clock);
  }

  /** @throws Damaged when the master key is not the data's */
  static async open(options: KernelOptions): Promise<Kernel> {
    const { engine, clock } = options;
    const registry = new EventRegistry(options.deciders, options.upcasts);
    const keyring = await Keyring.open(engine.keys, options.masterKey);
    const sealer = new Sealer(keyring);
    const states = new States(engine.eventStore, engine.readModels, registry, (text) => keyring.mac('snapshot', text));
    const commands = new Commands(engine.eventStore, states, sealer, clock);
    const scheduler = new Scheduler(engine.workQueue, clock, options.lanes);
    const statuses = new Map<string, FollowerStatus>();
    const seeing = new Seeing(statuses, engine.readModels, clock);
    commands.onAppend((_stream, principal, position) => seeing.appended(principal, position));
    return new Kernel(options, registry, keyring, sealer, states, commands, scheduler, seeing, statuses);
  }

  /** Follows the log for live state: in every process. Resolves once it was heard up to where it stands now. @throws Error when it cannot be understood */
  async startLive(): Promise<void> {
    const { follower, status, ready } = this.live;
    await Promise.race([ready, this.#follow(follower, status)]);
    if (status.stopped) throw new Error(status.stopped);
  }

  /** Follows the log for views, due work and the lanes: the projector's part. */
  startFollowers(): void {
    const { engine, clock, processes, projections } = this.options;
    for (const p of projections) {
      const follower = projecting(p, engine.eventStore, engine.readModels, this.registry);
      this.projectings.set(p.name, follower);
      void this.#follow(follower);
    }
    const seen = (view: string, position: string): Promise<void> => this.seeing.until({ follower: view, collection: this.collection(view) }, position, this.#stop.signal);
    for (const r of this.options.reactions ?? []) {
      const follower = reacting(r, { store: engine.eventStore, commands: this.commands, registry: this.registry, clock, seen });
      this.reactings.set(r.reaction.name, follower);
      void this.#follow(follower);
    }
    this.#due = dueWork(processes, engine.eventStore, engine.readModels, this.states, this.registry, this.scheduler, clock);
    void this.#follow(this.#due);
    const sweep = (): void => { this.scheduler.sweep(); this.#sweep = clock.after(5_000, sweep); };
    this.#sweep = clock.after(5_000, sweep);
  }

  #follow(follower: Follower, status: FollowerStatus = statusOf(follower.name)): Promise<void> {
    this.statuses.set(follower.name, status);
    const running = follow(this.options.engine.eventStore, follower, status, this.options.clock, this.#stop.signal);
    this.#running.push(running);
    return running;
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
    await Promise.all(this.#running);
    await this.#due?.close();
  }
}
