import type { AnyDecider } from '#libs/event-sourcing/decider';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { Room } from '#libs/event-sourcing/testing/rooms';
import { randomBytes } from 'node:crypto';
import { name } from '../../name/name.decider.js';
import type { Cost } from '../../password/argon2.js';
import { Passwords } from '../../password/passwords.js';
import { Accounts, type AccountsOptions, type Registration } from '../accounts.js';
import { stepdown } from '../../stepdown/stepdown.decider.js';
import { user } from '../user.decider.js';

/** So cheap that a spec makes many; the real cost is measured where it matters. */
export const CHEAP: Cost = { memory: 64, passes: 1, parallelism: 1 };
export const person = (over: Partial<Registration> = {}): Registration =>
  ({ username: 'alice', email: null, fullName: null, password: 'Passw0rd', role: 'user', mustChange: false, origin: 'sign-up', ...over });

/** A room where accounts live: the embedded engine in a folder of its own, and as many processes over it as a spec asks for. */
export class Town {
  private constructor(readonly room: Room) {}
  static async open(): Promise<Town> { return new Town(await Room.open()); }

  async process(over: Partial<AccountsOptions> & { store?: EventStore; clock?: Clock } = {}): Promise<{ kernel: Kernel; accounts: Accounts }> {
    const { store, clock, ...options } = over;
    const kernel = await this.room.kernel({ deciders: [user, name, stepdown] as AnyDecider[], processes: [], projections: [], ...(store ? { store } : {}), ...(clock ? { clock } : {}) });
    const { commands, states, keyring, sealer } = kernel;
    return { kernel, accounts: new Accounts({ commands, states, keyring, sealer, clock: kernel.options.clock, random: randomBytes, passwords: new Passwords({ random: randomBytes, cost: CHEAP }), ...options }) };
  }
  /** Types of all events of a category, in order. */
  async happened(category: string): Promise<string[]> {
    return (await this.room.engine.eventStore.readAll(null, [`${category}-`], 1_000)).events.map((e) => e.type);
  }
  close(): Promise<void> { return this.room.close(); }
}
