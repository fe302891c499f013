/** The first so many of many, in an order: a heap that has the last of them on top. */

/** A number that is ordered by another, and then by itself. */
export interface Place {
  readonly by: number;
  readonly of: number;
}

/** Less than 0 when the first comes before the second. */
export type Order = (a: Place, by: number, of: number) => number;

export class First {
  readonly #order: Order;
  readonly #keep: number;
  readonly #heap: Place[] = [];

  constructor(order: Order, keep: number) {
    this.#order = order;
    this.#keep = keep;
  }

  add(by: number, of: number): void {
    const heap = this.#heap;
    if (heap.length < this.#keep) {
      heap.push({ by, of });
      this.#up();
      return;
    }
    const last = heap[0];
    if (last === undefined || this.#order(last, by, of) <= 0) return;
    heap[0] = { by, of };
    this.#down();
  }

  sorted(): Place[] {
    return [...this.#heap].sort((a, b) => this.#order(a, b.by, b.of));
  }

  #isAfter(a: Place, b: Place): boolean {
    return this.#order(a, b.by, b.of) > 0;
  }

  #up(): void {
    const heap = this.#heap;
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isAfter(heap[at] as Place, heap[parent] as Place)) return;
      swap(heap, at, parent);
      at = parent;
    }
  }

  #down(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      let last = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && this.#isAfter(heap[child] as Place, heap[last] as Place)) last = child;
      if (last === at) return;
      swap(heap, at, last);
      at = last;
    }
  }
}

function swap(heap: Place[], a: number, b: number): void {
  const kept = heap[a] as Place;
  heap[a] = heap[b] as Place;
  heap[b] = kept;
}
