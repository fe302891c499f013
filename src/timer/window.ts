/**
 * What is due next in one lane, in memory. The window reaches up to an edge, a point (due, job); everything pending up to there is in
 * it, everything behind waits in the store's due index or, until that has been merged, in a heap of its own per
 * generation of changes. Only the owner's calls move the edge. What fires may be out of date: the owner checks it against
 * the job's present state.
 */
import { DueHeap } from '../domain/due-heap.js';

export interface Due {
  readonly due: number;
  readonly seq: number;
}

/** The due index: entries in order of firing, from the point last sought. */
export interface DueSource {
  seek(position: Due): void;
  take(limit: number): readonly Due[];
}

const precedes = (a: Due, b: Due): boolean => a.due < b.due || (a.due === b.due && a.seq <= b.seq);
const everything: Due = { due: Number.POSITIVE_INFINITY, seq: 0 };
const nothing: Due = { due: Number.NEGATIVE_INFINITY, seq: 0 };

export class DueWindow {
  readonly #source: DueSource;
  readonly #capacity: number;
  #near = new DueHeap();
  /** Beyond the edge and not in the index yet: changes being gathered, and those being merged. */
  #far = new DueHeap();
  #farMerging = new DueHeap();
  #edge: Due = nothing;

  /**
   * @param capacity entries that the window holds before it gives back its later half. That is a few milliseconds in which
   *   nothing else happens; with 262,144 it was 65 to 110 beside a client that keeps the machine busy
   */
  constructor(source: DueSource, capacity = 16_384) {
    this.#source = source;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#near.size;
  }

  /** Due time of the first entry; Infinity when nothing is to come, -Infinity while the window has to be filled first. */
  get nextDue(): number {
    if (this.#near.size > 0) return this.#near.firstDue;
    return this.#edge === everything ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** No entry of the window is due before this, nor anything behind its edge. */
  get earliest(): number {
    return Math.min(this.#near.firstDue, this.#edge.due);
  }

  /** Takes a job whose due time is on disk but not in the index yet. */
  add(due: number, seq: number): void {
    if (!precedes({ due, seq }, this.#edge)) return this.#far.push(due, seq);
    this.#near.push(due, seq);
    if (this.#near.size > this.#capacity) this.#spill();
  }

  /** The first entry that is due at `now`, removed from the window. */
  pop(now: number): Due | undefined {
    if (this.#near.firstDue > now) return undefined;
    const first = { due: this.#near.firstDue, seq: this.#near.firstSeq };
    this.#near.pop();
    return first;
  }

  /** True when a call of `refill` is wanted: the window runs low and something may lie behind its edge. */
  get wantsRefill(): boolean {
    return this.#edge !== everything && this.#near.size < this.#capacity / 8;
  }

  /**
   * Moves the edge on by at most `limit` entries of the index, and no more than the window holds. A slice of work: call
   * again while `wantsRefill`.
   */
  refill(limit: number): void {
    // All there is has been taken in already; to read it again would move the edge back, to before some of it.
    if (this.#edge === everything) return;
    const most = Math.min(limit, this.#capacity);
    const entries = this.#source.take(most);
    const last = entries.at(-1);
    for (const { due, seq } of entries) this.#near.push(due, seq);
    this.#edge = entries.length < most || !last ? everything : last;
    this.#admit(this.#far);
    this.#admit(this.#farMerging);
    if (this.#near.size > this.#capacity) this.#spill();
  }

  /** The changes gathered so far are being merged into the index. */
  mergeBegins(): void {
    this.#farMerging = this.#far;
    this.#far = new DueHeap();
  }

  /** They are in the index now. */
  mergeEnded(): void {
    this.#farMerging = new DueHeap();
    if (this.#edge !== everything) this.#source.seek(this.#edge);
  }

  #admit(far: DueHeap): void {
    while (far.size > 0 && precedes({ due: far.firstDue, seq: far.firstSeq }, this.#edge)) {
      this.#near.push(far.firstDue, far.firstSeq);
      far.pop();
    }
  }

  /**
   * Drops what is there more than once, as a job is that was changed often while it waits, and gives back what is still
   * more than half of what the window holds: so the next time is as many entries away. Entries that are in the index
   * already come back from there as well: they may repeat.
   */
  #spill(): void {
    const edge = this.#near.split(Math.floor(this.#capacity / 2) + 1, this.#far);
    if (!edge) return;
    this.#edge = edge;
    this.#source.seek(edge);
  }
}
