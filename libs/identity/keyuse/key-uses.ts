import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Commands } from '#libs/event-sourcing/running/commands';
import { keyuse, LogKeyUses, USES_MOST, type KeyUse } from './keyuse.decider.js';

export interface KeyUsesOptions {
  commands: Pick<Commands, 'execute'>;
  clock: Clock;
  /** so many bytes from a cryptographic source */
  random(bytes: number): Buffer;
  /** told when uses could not be written: how many were dropped, or 0 where they are kept for the next try */
  failed(error: unknown, dropped: number): void;
}

const EVERY_MS = 1_000;
/** While the log does not answer, so many wait; of more, the oldest go. */
const WAITING_MOST = 50_000;
const PRINCIPAL = 'system:key-use';

/** Gathers what API keys are used for and writes it down once a second: a request costs no append of its own. */
export class KeyUses {
  readonly #waiting: KeyUse[] = [];
  #batch: { id: string; entries: KeyUse[] } | null = null;
  #cancel: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();
  constructor(private readonly options: KeyUsesOptions) {}

  /** Costs a push; the second begins with the first use in it. */
  used(use: KeyUse): void {
    this.#waiting.push(use);
    if (this.#waiting.length > WAITING_MOST) { this.#waiting.shift(); this.options.failed(null, 1); }
    this.#cancel ??= this.options.clock.after(EVERY_MS, () => { void this.flush(); });
  }

  /** Writes down what waits; call it once more when no request comes any more. Never throws. */
  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    return (this.#writing = this.#writing.then(() => this.#write()));
  }

  async #write(): Promise<void> {
    while (this.#batch !== null || this.#waiting.length > 0) {
      // the same ids at every try: what was written and not answered is not written twice
      this.#batch ??= { id: this.options.random(16).toString('hex'), entries: this.#waiting.splice(0, USES_MOST) };
      const { id, entries } = this.#batch;
      try {
        await this.options.commands.execute(keyuse, new LogKeyUses(id, { entries }, { principal: PRINCIPAL, correlationId: `keyuse_${id}`, causationId: `keyuse_${id}`, creates: true }));
      } catch (error) {
        this.options.failed(error, 0);
        this.#cancel ??= this.options.clock.after(EVERY_MS, () => { void this.flush(); });
        return;
      }
      this.#batch = null;
    }
  }
}
