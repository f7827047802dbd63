/** When a lane stops calling a gateway that fails: data. Times in milliseconds. */
export interface CircuitSettings {
  /** temporary failures in a row that open it */
  failures: number;
  /** or this share of at least `windowCalls` calls within `windowMs` */
  windowMs: number; windowCalls: number; windowShare: number;
  /** one probe per so long while open */
  probeMs: number;
}

/** Closed until it fails too often; then one probe at a time, until one succeeds. Times are monotonic. */
export class Circuit {
  #row = 0;
  #window: { at: number; good: boolean }[] = [];
  #open = false;
  #nextProbe = 0;
  constructor(readonly settings: CircuitSettings) {}

  get open(): boolean { return this.#open; }
  /** When the next call may begin: 0 for at once. */
  get nextAt(): number { return this.#open ? this.#nextProbe : 0; }

  /** Asks for a call; while open, grants one probe per interval. */
  grant(now: number): boolean {
    if (!this.#open) return true;
    if (now < this.#nextProbe) return false;
    this.#nextProbe = now + this.settings.probeMs;
    return true;
  }

  record(good: boolean, now: number): void {
    const s = this.settings;
    if (good && this.#open) this.#window = []; // what failed before says nothing about the gateway that is back
    if (good) { this.#row = 0; this.#open = false; } else this.#row++;
    this.#window.push({ at: now, good });
    while (this.#window.length > 0 && (this.#window[0]!.at < now - s.windowMs || this.#window.length > 1000)) this.#window.shift();
    if (this.#open || good) return;
    const bad = this.#window.reduce((n, c) => n + (c.good ? 0 : 1), 0);
    if (this.#row >= s.failures || (this.#window.length >= s.windowCalls && bad / this.#window.length >= s.windowShare)) {
      this.#open = true;
      this.#nextProbe = now + s.probeMs;
      this.#window = [];
    }
  }
}
