/** So many at once, and so many more each second: tells whether one more is within it. Times are monotonic ms. */
export class Allowance {
  #left: number;
  constructor(private readonly perSecond: number, private readonly burst: number, private at: number) { this.#left = burst; }

  take(now: number, amount = 1): boolean {
    this.#left = Math.min(this.burst, this.#left + ((now - this.at) * this.perSecond) / 1000);
    this.at = now;
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }
}

/** Tells who goes on although he was told to wait: refusals that never stop for `ms`, for at least `ms`. */
export class Flood {
  #since = 0;
  #last = -Infinity;
  constructor(private readonly ms: number) {}

  refused(now: number): boolean {
    if (now - this.#last > this.ms) this.#since = now;
    this.#last = now;
    return now - this.#since >= this.ms;
  }
}
