/** A binary heap: the smallest key first. */
export class Heap<T> {
  readonly #items: { key: number; value: T }[] = [];
  get size(): number { return this.#items.length; }
  peek(): { key: number; value: T } | undefined { return this.#items[0]; }

  /** Leaves only what is still wanted. */
  retain(wanted: (value: T) => boolean): void {
    const kept = this.#items.filter(({ value }) => wanted(value)).sort((a, b) => a.key - b.key); // in order is a heap, too
    this.#items.length = 0;
    for (const item of kept) this.#items.push(item);
  }

  push(key: number, value: T): void {
    const items = this.#items;
    let at = items.push({ key, value }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]!.key <= items[at]!.key) break;
      [items[parent], items[at]] = [items[at]!, items[parent]!];
      at = parent;
    }
  }

  pop(): T | undefined {
    const items = this.#items, top = items[0], last = items.pop();
    if (!top || !last) return undefined;
    if (items.length > 0) {
      items[0] = last;
      let at = 0;
      for (;;) {
        const left = 2 * at + 1, right = left + 1;
        let least = at;
        if (left < items.length && items[left]!.key < items[least]!.key) least = left;
        if (right < items.length && items[right]!.key < items[least]!.key) least = right;
        if (least === at) break;
        [items[least], items[at]] = [items[at]!, items[least]!];
        at = least;
      }
    }
    return top.value;
  }
}
