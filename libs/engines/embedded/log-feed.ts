import type { StoredEvent } from '#libs/event-sourcing/event';

const RING = 8192;
const RING_BYTES = 16 * 1024 * 1024;

/** The newest events, kept unread for those who follow the log; bounded in number and in bytes. */
export class LogFeed {
  readonly #events: (StoredEvent | undefined)[] = new Array<StoredEvent | undefined>(RING);
  readonly #sizes = new Float64Array(RING);
  #first: number;
  #head: number;
  #bytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(head: number) {
    this.#head = head;
    this.#first = head + 1;
  }

  get head(): number { return this.#head; }

  /** The log stands at `head` without these events having come by here: followers read them. */
  moveTo(head: number): void {
    if (head === this.#head) return;
    while (this.#first <= this.#head) this.#drop();
    this.#head = head;
    this.#first = head + 1;
    this.#wake();
  }

  /** The event after the head. `wake` is called once after a batch of these. */
  add(event: StoredEvent, bytes: number): void {
    const at = ++this.#head % RING;
    if (this.#head - this.#first >= RING) this.#drop();
    this.#events[at] = event;
    this.#sizes[at] = bytes;
    this.#bytes += bytes;
    while (this.#bytes > RING_BYTES && this.#first < this.#head) this.#drop();
  }

  wake(): void { this.#wake(); }

  /** True when the events after this position are all at hand. */
  holds(after: number): boolean { return after + 1 >= this.#first; }

  at(position: number): StoredEvent { return this.#events[position % RING]!; }

  /** Calls once when the head moves; answers how to call it off. */
  onMove(call: () => void): () => void {
    this.#waiting.add(call);
    return () => this.#waiting.delete(call);
  }

  #drop(): void {
    const at = this.#first++ % RING;
    this.#bytes -= this.#sizes[at]!;
    this.#events[at] = undefined;
  }

  #wake(): void {
    const calls = [...this.#waiting];
    this.#waiting.clear();
    for (const call of calls) call();
  }
}
