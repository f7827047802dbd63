import { availableParallelism } from 'node:os';
import { Unavailable } from '#libs/event-sourcing/errors';
import { argon2Hash, argon2Verify, COST, hashOfNobody, outdated, type Cost } from './argon2.js';
import { isHashable } from './password-policy.js';

export interface PasswordsOptions {
  random: (bytes: number) => Buffer;
  /** hashes at once; half of the cores unless told, so that signing in leaves the other half to sending */
  atOnce?: number;
  /** how many may wait; whoever comes after is asked to come back */
  waiting?: number;
  cost?: Cost;
  /** told how many run or wait, whenever that changes */
  onDepth?: (depth: number) => void;
}

const WAITING = 128;
const COME_BACK_MS = 3_000;

/** Hashes and checks passwords off the main thread, so many at a time; more than may wait are refused at once. */
export class Passwords {
  readonly #atOnce: number;
  readonly #most: number;
  readonly #cost: Cost;
  readonly #nobody: string;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(private readonly options: PasswordsOptions) {
    this.#atOnce = options.atOnce ?? Math.max(1, Math.floor(availableParallelism() / 2));
    this.#most = options.waiting ?? WAITING;
    this.#cost = options.cost ?? COST;
    this.#nobody = hashOfNobody(options.random);
  }

  /** hashes that run or wait, for a gauge */
  get depth(): number { return this.#running + this.#queue.length; }

  /** @returns a PHC string @throws Unavailable when too many wait */
  hash(text: string): Promise<string> {
    if (!isHashable(text)) return Promise.reject(new Error('a password is checked against the policy before it is hashed'));
    return this.#inTurn(() => argon2Hash(text, this.options.random, this.#cost));
  }

  /** `phc: null`: there is nobody of that name, which costs as much as a wrong password. @throws Unavailable when too many wait */
  async verify(phc: string | null, text: string): Promise<{ ok: boolean; outdated: boolean }> {
    // longer than any password here: not worth a hash
    if (!isHashable(text)) return { ok: false, outdated: false };
    const ok = await this.#inTurn(() => argon2Verify(phc ?? this.#nobody, text));
    return { ok: ok && phc !== null, outdated: ok && phc !== null && outdated(phc, this.#cost) };
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      if (this.#queue.length >= this.#most) throw new Unavailable('checking passwords', COME_BACK_MS);
      await new Promise<void>((go) => { this.#queue.push(go); this.options.onDepth?.(this.depth); });
    } else this.#running++;
    this.options.onDepth?.(this.depth);
    try { return await work(); } finally {
      const next = this.#queue.shift();
      if (next) next(); else this.#running--;
      this.options.onDepth?.(this.depth);
    }
  }
}
