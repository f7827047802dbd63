import { randomUUIDv7 } from 'node:crypto';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Commands } from '#libs/event-sourcing/running/commands';
import { MOST_ENTRIES, RecordRefusedSignins, signin, type RefusedSignin } from './signin.decider.js';

const EVERY_MS = 1_000;
/** What may wait while the log cannot be written; more are counted only. */
const WAITING_MOST = 10_000;

export interface RefusedSigninsOptions {
  commands: Pick<Commands, 'execute'>;
  clock: Clock;
  /** told how many could not be kept */
  lost(count: number): void;
}

/** Refused sign-ins of this process, kept in bulk: one event a second, or several where there were more than one holds. */
export class RefusedSignins {
  #waiting: RefusedSignin[] = [];
  #timer: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();
  constructor(private readonly options: RefusedSigninsOptions) {}

  add(entry: Omit<RefusedSignin, 'at'>): void {
    if (this.#waiting.length >= WAITING_MOST) { this.options.lost(1); return; }
    this.#waiting.push({ ...entry, at: this.options.clock.now().toISOString() });
    this.#timer ??= this.options.clock.after(EVERY_MS, () => { this.#timer = null; this.#writing = this.#write(); });
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    this.#timer?.();
    this.#timer = null;
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    for (;;) {
      const entries = this.#waiting.splice(0, MOST_ENTRIES);
      if (entries.length === 0) return;
      const id = `sig_${randomUUIDv7().replaceAll('-', '')}`;
      try {
        await this.options.commands.execute(signin, new RecordRefusedSignins(id, { entries }, { principal: 'system:sign-in', correlationId: id, causationId: id, creates: true }));
      } catch {
        // the log says nothing of them; the counter does
        this.options.lost(entries.length);
      }
    }
  }
}
