/** Jobs whose last attempt ended its thread, or may have done: the next runs alone. */

/** Of those that are cancelled before their next attempt so many stay in memory. */
const kept = 10_000;

/** See the head of this file. */
export class AloneNext {
  readonly #seqs = new Set<number>();

  has(seq: number): boolean {
    return this.#seqs.has(seq);
  }

  add(seq: number): void {
    this.#seqs.add(seq);
    for (const oldest of this.#seqs) {
      if (this.#seqs.size <= kept) break;
      this.#seqs.delete(oldest);
    }
  }

  delete(seq: number): void {
    this.#seqs.delete(seq);
  }
}
