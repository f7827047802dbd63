import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import type { AnyDecider, CommandContext } from '../decider.js';
import type { EventStore } from '../ports/event-store.js';
import { Kernel, type KernelOptions } from '../running/kernel.js';
import { OPEN_LANE, parcel, parcels, touring } from './example.js';
import { TestClock } from './test-clock.js';

export const MASTER_KEY = Buffer.alloc(32, 7);

/** A temporary data folder with an engine and as many kernels as a spec asks for; `close` ends and removes everything. */
export class Room {
  readonly dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  engine!: Embedded;
  #kernels: Kernel[] = [];

  static async open(): Promise<Room> {
    const room = new Room();
    room.engine = await openEmbedded({ dir: room.dir });
    return room;
  }

  /** A kernel of the example; `store` stands before the engine's own. */
  async kernel(over: Partial<KernelOptions> & { store?: EventStore } = {}): Promise<Kernel> {
    const { store, ...options } = over;
    const engine = store ? { ...this.engine, eventStore: store } : this.engine;
    const kernel = await Kernel.open({ masterKey: MASTER_KEY, clock: new TestClock(), deciders: [parcel as AnyDecider], processes: [touring], projections: [parcels], lanes: () => OPEN_LANE, ...options, engine });
    this.#kernels.push(kernel);
    return kernel;
  }

  /** As after a restart: the kernels are ended, the folder is let go of and opened again. @param meanwhile what is done to its files */
  async reopen(meanwhile?: () => void): Promise<void> {
    await this.#end();
    meanwhile?.();
    this.engine = await openEmbedded({ dir: this.dir });
  }
  async #end(): Promise<void> {
    for (const k of this.#kernels.splice(0)) await k.close();
    await this.engine.close();
  }
  async close(): Promise<void> {
    await this.#end();
    rmSync(this.dir, { recursive: true });
  }
}

/** Who asks in specs; the causation makes event ids. */
export const by = (causationId: string, more: Partial<CommandContext> = {}): CommandContext => ({ principal: 'someone', correlationId: causationId, causationId, ...more });
