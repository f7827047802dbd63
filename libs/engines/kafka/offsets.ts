/** The offsets of one partition while it is ours: which are at work, and how far all is done. */
export class Offsets {
  /** another may have the partition now: what is finished here no longer counts */
  revoked = false;
  /** ascending, as they were fetched */
  readonly #unfinished = new Set<number>();
  #next = 0;
  #committed = 0;

  constructor(readonly partition: number) {}

  get unfinished(): number { return this.#unfinished.size; }

  take(offset: number): void { this.#unfinished.add(offset); }
  finish(offset: number): void { this.#unfinished.delete(offset); }
  /** All before this has been fetched. */
  fetched(next: number): void { this.#next = next; }

  /** What is to be committed: the lowest unfinished offset, or the end of what was fetched; null when that is committed already. */
  due(): number | null {
    const [lowest = this.#next] = this.#unfinished;
    return lowest > this.#committed ? lowest : null;
  }
  committed(offset: number): void { this.#committed = offset; }
}
