import type { AnyDecider } from '../decider.js';
import type { AnyProcess } from '../process.js';
import type { AnyProjection } from '../projection.js';
import type { EventStore } from '../ports/event-store.js';
import type { Keys } from '../ports/keys.js';
import type { ReadModels } from '../ports/read-models.js';
import type { Shared } from '../ports/shared.js';
import type { WorkQueue } from '../ports/work-queue.js';
import type { StoredEvent } from '../event.js';
import { Keyring } from '../sealing/keyring.js';
import { Sealer } from '../sealing/sealer.js';
import type { Clock } from './clock.js';
import { Commands } from './commands.js';
import { dueWork, type DueWork } from './due-work.js';
import { EventRegistry, type Upcasts } from './event-registry.js';
import { follow, statusOf, type Follower, type FollowerStatus } from './following.js';
import { collectionOf, projecting, type Projecting } from './projecting.js';
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
  /** told of every event of the log from the head on: live state */
  live?: readonly { prefixes: readonly string[]; onEvent(event: StoredEvent): void }[];
}

/** Everything that runs the four shapes in one process; an app starts the parts that it is. */
export class Kernel {
  readonly projectings = new Map<string, Projecting>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  #due: DueWork | null = null;
  #sweep: (() => void) | null = null;

  private constructor(readonly options: KernelOptions, readonly registry: EventRegistry, readonly keyring: Keyring, readonly sealer: Sealer,
    readonly states: States, readonly commands: Commands, readonly scheduler: Scheduler, readonly seeing: Seeing,
    readonly statuses: Map<string, FollowerStatus>) {}

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

  /** Follows the log for live state: in every process. Resolves once it hears the log. */
  async startLive(): Promise<void> {
    const { eventStore } = this.options.engine;
    for (const [i, live] of (this.options.live ?? []).entries()) {
      const head = await eventStore.head();
      this.#follow({ name: `live-${i}`, prefixes: live.prefixes, start: async () => head, handle: async ({ events }) => { for (const e of events) live.onEvent(this.registry.known(e)); } });
    }
  }

  /** Follows the log for views, due work and the lanes: the projector's part. */
  startFollowers(): void {
    const { engine, clock, processes, projections } = this.options;
    for (const p of projections) {
      const follower = projecting(p, engine.eventStore, engine.readModels, this.registry);
      this.projectings.set(p.name, follower);
      this.#follow(follower);
    }
    this.#due = dueWork(processes, engine.eventStore, engine.readModels, this.states, this.registry, this.scheduler, clock);
    this.#follow(this.#due);
    const sweep = (): void => { this.scheduler.sweep(); this.#sweep = clock.after(5_000, sweep); };
    this.#sweep = clock.after(5_000, sweep);
  }

  #follow(follower: Follower): void {
    const status = statusOf(follower.name);
    this.statuses.set(follower.name, status);
    this.#running.push(follow(this.options.engine.eventStore, follower, status, this.options.clock, this.#stop.signal));
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
