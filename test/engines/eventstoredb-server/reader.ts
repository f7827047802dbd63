import type { Node } from './node.js';
import type { ReadCall } from './read.call.js';

/** The sending side of a read: waits while the client does not take more, and cuts the line after `cutAfter` events. */
export class Reader {
  #gone = false;
  #sent = 0;
  readonly #onGone: (() => void)[] = [];

  constructor(readonly call: ReadCall, readonly node: Node, readonly cutAfter: number) {
    node.reads.add(this);
    for (const event of ['cancelled', 'close', 'error'] as const) call.on(event, () => this.#leave());
    if (cutAfter === 0) this.#cut();
  }

  get gone(): boolean { return this.#gone; }
  onGone(act: () => void): void { this.#onGone.push(act); }

  /** Answers false when the client should be waited for. */
  send(response: Buffer): boolean { return this.#gone || this.call.write(response); }

  end(): void { if (!this.#gone) this.call.end(); }

  /** One after the other, as the client takes them. */
  async sendAll(entries: Iterable<number>, encode: (entry: number) => Buffer): Promise<void> {
    for (const entry of entries) {
      if (this.#gone) return;
      if (!this.sendEvent(encode(entry))) await this.drained();
    }
  }

  sendEvent(response: Buffer): boolean {
    const more = this.send(response);
    if (++this.#sent === this.cutAfter) this.#cut();
    return more;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#gone) return resolve();
      this.call.once('drain', resolve);
      this.onGone(resolve);
    });
  }

  // what was written goes out first: the client is to see the answer break off in the middle
  #cut(): void { setImmediate(() => this.node.connections.cut(this.call.getPeer())); }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.node.reads.delete(this);
    for (const act of this.#onGone.splice(0)) act();
  }
}
